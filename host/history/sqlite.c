/* SPDX-License-Identifier: Apache-2.0 */
/* Sqlite: see sqlite.h. */
#include "history/sqlite.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

static struct sqlite library;
static const struct sqlite *loaded;

#define ENTRY(name) \
  { "sqlite3_" #name, offsetof(struct sqlite, name) }

static const struct {
  const char *name;
  size_t at;
} entries[] = {
    ENTRY(open_v2),      ENTRY(close),         ENTRY(exec),         ENTRY(errmsg),
    ENTRY(busy_timeout), ENTRY(prepare_v2),    ENTRY(bind_text),    ENTRY(bind_double),
    ENTRY(bind_int64),   ENTRY(step),          ENTRY(reset),        ENTRY(finalize),
    ENTRY(column_text),  ENTRY(column_double), ENTRY(column_int64),
};

static void load(void) {
  void *handle = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    void *symbol = dlsym(handle, entries[i].name);
    if (!symbol) return;
    memcpy((char *)&library + entries[i].at, &symbol, sizeof symbol);
  }
  loaded = &library;
}

const struct sqlite *sqlite_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return loaded;
}
