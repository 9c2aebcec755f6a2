/* SPDX-License-Identifier: Apache-2.0 */
/* History: what happened to the units, kept beyond the life of the host. Who adds an entry
 * never waits: it is queued, and a thread writes it. What the thread cannot write, and what
 * finds the queue full because a disk hangs, is lost and counted.
 * Owns the thread and the queue. Thread: any, unless said otherwise. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "history/history_store.h"

struct history;

struct history_count {
  uint64_t written, lost;
  char message[160]; /* why some are lost, "" while none are */
};

/* Returns owned in [out] a history, or a negative libuv code: UV_ENOSYS when there is no
 * SQLite. The file is opened by the thread. [path] is copied. */
int history_new(const char *path, const struct history_limits *limits,
                struct history **out);

/* Has an entry written, some time; it is copied. */
void history_add(struct history *history, const struct history_entry *entry);

void history_count(struct history *history, struct history_count *count);

/* Ends it when all is written. A thread whose disk hangs for longer than [ms] is left
 * behind. Nobody may add any more. NULL is fine. */
void history_free(struct history *history, unsigned ms);
