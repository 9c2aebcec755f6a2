/* SPDX-License-Identifier: Apache-2.0 */
/* Sqlite: the library of that name, loaded when it is first needed: a host that keeps no
 * history neither needs it nor carries it. Thread: any. */
#pragma once
#include <sqlite3.h>

/* The functions that are used, by their names without "sqlite3_". */
struct sqlite {
  __typeof__(&sqlite3_open_v2) open_v2;
  __typeof__(&sqlite3_close) close;
  __typeof__(&sqlite3_exec) exec;
  __typeof__(&sqlite3_errmsg) errmsg;
  __typeof__(&sqlite3_busy_timeout) busy_timeout;
  __typeof__(&sqlite3_prepare_v2) prepare_v2;
  __typeof__(&sqlite3_bind_text) bind_text;
  __typeof__(&sqlite3_bind_double) bind_double;
  __typeof__(&sqlite3_bind_int64) bind_int64;
  __typeof__(&sqlite3_step) step;
  __typeof__(&sqlite3_reset) reset;
  __typeof__(&sqlite3_finalize) finalize;
  __typeof__(&sqlite3_column_text) column_text;
  __typeof__(&sqlite3_column_double) column_double;
  __typeof__(&sqlite3_column_int64) column_int64;
};

/* NULL when it is not installed. */
const struct sqlite *sqlite_load(void);
