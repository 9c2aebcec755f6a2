/* SPDX-License-Identifier: Apache-2.0 */
/* History store: see history_store.h. */
#include "history/history_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "history/sqlite.h"

enum {
  BUSY_MS = 1000,
  LOOK_AGAIN = 256 * 1024, /* bytes between two looks at the size */
  LOOK_AGAIN_S = 3600,
  PART = 4, /* of what there is, when it is too much: a quarter goes */
  ATTEMPTS = 16
};

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "PRAGMA journal_size_limit = 1048576;"
    "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, time REAL NOT NULL,"
    " unit TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS events_time ON events (time)";

struct history_store {
  const struct sqlite *lib;
  sqlite3 *db;
  sqlite3_stmt *insert;
  struct history_limits limits;
  uint64_t unseen; /* bytes since it was looked at */
  time_t looked;
};

static time_t seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

/* ---- bounds ---- */

static int64_t number(struct history_store *store, const char *sql) {
  sqlite3_stmt *query;
  int64_t value = 0;
  if (store->lib->prepare_v2(store->db, sql, -1, &query, NULL) != SQLITE_OK) return 0;
  if (store->lib->step(query) == SQLITE_ROW) value = store->lib->column_int64(query, 0);
  store->lib->finalize(query);
  return value;
}

static uint64_t size_in_use(struct history_store *store) {
  int64_t pages =
      number(store, "PRAGMA page_count") - number(store, "PRAGMA freelist_count");
  return (uint64_t)(pages * number(store, "PRAGMA page_size"));
}

/* What is given up in the file is used again: it does not grow any more. */
static void forget_oldest(struct history_store *store) {
  char sql[160];
  snprintf(sql, sizeof sql, "DELETE FROM events WHERE time < unixepoch() - %.0f",
           store->limits.max_age);
  store->lib->exec(store->db, sql, NULL, NULL, NULL);
  snprintf(sql, sizeof sql,
           "DELETE FROM events WHERE id <= "
           "(SELECT min(id) + (max(id) - min(id)) / %d FROM events)",
           PART);
  for (int i = 0; i < ATTEMPTS && size_in_use(store) > store->limits.max_size; i++)
    store->lib->exec(store->db, sql, NULL, NULL, NULL);
  store->unseen = 0;
  store->looked = seconds();
}

/* ---- opening ---- */

/* The library would make it readable for others, and follow a link. */
static int make_file(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) return -errno;
  struct stat status;
  int error = fstat(fd, &status) < 0 ? -errno : S_ISREG(status.st_mode) ? 0 : -EINVAL;
  close(fd);
  return error;
}

static int set_up(struct history_store *store, const char *path) {
  const struct sqlite *lib = store->lib;
  int r = lib->open_v2(path, &store->db, SQLITE_OPEN_READWRITE, NULL);
  if (r == SQLITE_OK) r = lib->busy_timeout(store->db, BUSY_MS);
  if (r == SQLITE_OK) r = lib->exec(store->db, schema, NULL, NULL, NULL);
  if (r != SQLITE_OK) return r;
  return lib->prepare_v2(store->db,
                         "INSERT INTO events (time, unit, kind, detail) "
                         "VALUES (?1, ?2, ?3, ?4)",
                         -1, &store->insert, NULL);
}

static void put_aside(const char *path) {
  size_t room = strlen(path) + sizeof ".broken";
  char *aside = malloc(room);
  if (!aside) return;
  snprintf(aside, room, "%s.broken", path);
  rename(path, aside);
  free(aside);
}

static void shut(struct history_store *store) {
  store->lib->finalize(store->insert);
  store->lib->close(store->db);
  store->insert = NULL;
  store->db = NULL;
}

static bool open_file(struct history_store *store, const char *path, char *message,
                      size_t room) {
  for (int attempt = 0; attempt < 2; attempt++) {
    int error = make_file(path);
    if (error) {
      snprintf(message, room, "%s", strerror(-error));
      return false;
    }
    int r = set_up(store, path);
    if (r == SQLITE_OK) return true;
    snprintf(message, room, "%s",
             store->db ? store->lib->errmsg(store->db) : "out of memory");
    shut(store);
    if (r != SQLITE_NOTADB && r != SQLITE_CORRUPT) return false;
    put_aside(path);
  }
  return false;
}

struct history_store *history_store_open(const char *path,
                                         const struct history_limits *limits,
                                         char *message, size_t room) {
  struct history_store *store = calloc(1, sizeof *store);
  if (!store) {
    snprintf(message, room, "out of memory");
    return NULL;
  }
  store->lib = sqlite_load();
  store->limits = *limits;
  if (open_file(store, path, message, room)) {
    forget_oldest(store);
    return store;
  }
  free(store);
  return NULL;
}

void history_store_close(struct history_store *store) {
  if (!store) return;
  shut(store);
  free(store);
}

/* ---- writing ---- */

static bool run(struct history_store *store, const char *sql) {
  return store->lib->exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

bool history_store_begin(struct history_store *store) {
  return run(store, "BEGIN IMMEDIATE");
}

bool history_store_add(struct history_store *store, const struct history_entry *entry) {
  const struct sqlite *lib = store->lib;
  lib->bind_double(store->insert, 1, entry->time);
  lib->bind_text(store->insert, 2, entry->unit, -1, SQLITE_STATIC);
  lib->bind_text(store->insert, 3, entry->kind, -1, SQLITE_STATIC);
  lib->bind_text(store->insert, 4, entry->detail, -1, SQLITE_STATIC);
  int r = lib->step(store->insert);
  lib->reset(store->insert);
  store->unseen += strlen(entry->detail) + strlen(entry->unit) + sizeof *entry;
  return r == SQLITE_DONE;
}

bool history_store_commit(struct history_store *store) {
  if (!run(store, "COMMIT")) return false;
  if (store->unseen >= LOOK_AGAIN || seconds() - store->looked >= LOOK_AGAIN_S)
    forget_oldest(store);
  return true;
}

void history_store_undo(struct history_store *store, char *message, size_t room) {
  snprintf(message, room, "%s", store->lib->errmsg(store->db));
  run(store, "ROLLBACK");
}

/* ---- reading ---- */

static const char *const queries[] = {
    "SELECT time, unit, kind, detail FROM events WHERE time >= ?1 ORDER BY id",
    "SELECT time, unit, kind, detail FROM events WHERE time >= ?1 ORDER BY id DESC",
};

static int visit_rows(const struct sqlite *lib, sqlite3_stmt *query,
                      bool (*visit)(void *data, const struct history_entry *entry),
                      void *data) {
  int r;
  while ((r = lib->step(query)) == SQLITE_ROW) {
    struct history_entry entry = {.time = lib->column_double(query, 0),
                                  .unit = (const char *)lib->column_text(query, 1),
                                  .kind = (const char *)lib->column_text(query, 2),
                                  .detail = (const char *)lib->column_text(query, 3)};
    if (!entry.unit || !entry.kind || !entry.detail) continue;
    if (!visit(data, &entry)) return SQLITE_OK;
  }
  return r == SQLITE_DONE ? SQLITE_OK : r;
}

char *history_store_scan(const char *path, double since, bool newest_first,
                         bool (*visit)(void *data, const struct history_entry *entry),
                         void *data) {
  const struct sqlite *lib = sqlite_load();
  sqlite3 *db = NULL;
  sqlite3_stmt *query = NULL;
  char *problem = NULL;
  int r = lib->open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
  if (r == SQLITE_OK) r = lib->busy_timeout(db, BUSY_MS);
  if (r == SQLITE_OK) r = lib->prepare_v2(db, queries[newest_first], -1, &query, NULL);
  if (r == SQLITE_OK) r = lib->bind_double(query, 1, since);
  if (r == SQLITE_OK) r = visit_rows(lib, query, visit, data);
  if (r != SQLITE_OK) problem = strdup(db ? lib->errmsg(db) : "out of memory");
  lib->finalize(query);
  lib->close(db);
  return problem;
}
