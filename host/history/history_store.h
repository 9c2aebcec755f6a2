/* SPDX-License-Identifier: Apache-2.0 */
/* History store: the database that a history is kept in: one table, appended to, and kept
 * within its bounds by forgetting what is oldest. What cannot be read as a database is put
 * aside as PATH.broken. Blocks as the disk does. Thread: one at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history_store;

struct history_limits {
  double max_age;    /* seconds */
  uint64_t max_size; /* bytes of the file, roughly */
};

/* A row; what it points to is borrowed. */
struct history_entry {
  double time; /* of the wall clock, in seconds */
  const char *unit, *kind, *detail;
};

/* Opens or makes the database, for its owner only. Returns owned, or NULL and in
 * [message] why. */
struct history_store *history_store_open(const char *path,
                                         const struct history_limits *limits,
                                         char *message, size_t room);

/* Begins, extends and ends a transaction; false and in [message] why when it fails: the
 * transaction is undone then. */
bool history_store_begin(struct history_store *store);
bool history_store_add(struct history_store *store, const struct history_entry *entry);
bool history_store_commit(struct history_store *store);
void history_store_undo(struct history_store *store, char *message, size_t room);

/* NULL is fine. */
void history_store_close(struct history_store *store);

/* Calls visit(data, entry) for what happened at or after [since], the newest first or the
 * oldest, until it returns false. Returns NULL, or owned why it cannot be read. */
char *history_store_scan(const char *path, double since, bool newest_first,
                         bool (*visit)(void *data, const struct history_entry *entry),
                         void *data);
