/* SPDX-License-Identifier: Apache-2.0 */
/* History: see history.h. `lock` guards all but path, limits and store, which are the
 * thread's. */
#include "history/history.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "history/sqlite.h"

enum { QUEUE_MOST = 16 * 1024 * 1024 }; /* bytes */

struct row {
  struct row *next;
  struct history_entry entry;
  size_t size;
  char text[];
};

struct history {
  uv_thread_t thread;
  uv_mutex_t lock;
  uv_cond_t work, done;
  bool stop, over, abandoned;
  struct row *first, **last;
  size_t queued;
  struct history_count count;
  struct history_limits limits;
  struct history_store *store;
  char path[];
};

static void free_rows(struct row *rows) {
  for (struct row *row; (row = rows);) {
    rows = row->next;
    free(row);
  }
}

static void destroy(struct history *history) {
  free_rows(history->first);
  uv_cond_destroy(&history->work);
  uv_cond_destroy(&history->done);
  uv_mutex_destroy(&history->lock);
  free(history);
}

/* ---- the thread ---- */

/* All of them or none; returns whether, and in [message] why not. */
static bool write_rows(struct history *history, const struct row *rows, char *message,
                       size_t room) {
  if (!history->store)
    history->store = history_store_open(history->path, &history->limits, message, room);
  if (!history->store) return false;
  bool ok = history_store_begin(history->store);
  for (; ok && rows; rows = rows->next)
    ok = history_store_add(history->store, &rows->entry);
  if (ok && history_store_commit(history->store)) return true;
  history_store_undo(history->store, message, room);
  history_store_close(history->store); /* it may work again when it is opened anew */
  history->store = NULL;
  return false;
}

static void serve_locked(struct history *history) {
  struct row *rows = history->first;
  char message[sizeof history->count.message] = "";
  uint64_t count = 0;
  history->first = NULL;
  history->last = &history->first;
  uv_mutex_unlock(&history->lock);
  bool written = write_rows(history, rows, message, sizeof message);
  size_t size = 0;
  for (struct row *row = rows; row; row = row->next, count++) size += row->size;
  free_rows(rows);
  uv_mutex_lock(&history->lock);
  history->queued -= size;
  *(written ? &history->count.written : &history->count.lost) += count;
  memcpy(history->count.message, message, sizeof message);
}

static void run(void *arg) {
  struct history *history = arg;
  uv_mutex_lock(&history->lock);
  while (history->first || !history->stop) {
    if (history->first)
      serve_locked(history);
    else
      uv_cond_wait(&history->work, &history->lock);
  }
  uv_mutex_unlock(&history->lock);
  history_store_close(history->store);
  uv_mutex_lock(&history->lock);
  history->over = true;
  bool abandoned = history->abandoned;
  uv_cond_signal(&history->done);
  uv_mutex_unlock(&history->lock);
  if (abandoned) destroy(history);
}

static int start(struct history *history) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int r = uv_thread_create(&history->thread, run, history);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return r;
}

/* ---- for everybody ---- */

int history_new(const char *path, const struct history_limits *limits,
                struct history **out) {
  if (!sqlite_load()) return UV_ENOSYS;
  size_t size = strlen(path) + 1;
  struct history *history = calloc(1, sizeof *history + size);
  if (!history) return UV_ENOMEM;
  memcpy(history->path, path, size);
  history->limits = *limits;
  history->last = &history->first;
  uv_mutex_init(&history->lock);
  uv_cond_init(&history->work);
  uv_cond_init(&history->done);
  int r = start(history);
  if (r < 0) {
    destroy(history);
    return r;
  }
  *out = history;
  return 0;
}

static char *put(char *at, const char *text, const char **field) {
  size_t size = strlen(text) + 1;
  *field = memcpy(at, text, size);
  return at + size;
}

static struct row *copy(const struct history_entry *entry) {
  size_t size = sizeof(struct row) + strlen(entry->unit) + strlen(entry->kind) +
                strlen(entry->detail) + 3;
  struct row *row = malloc(size);
  if (!row) return NULL;
  *row = (struct row){.entry.time = entry->time, .size = size};
  char *at = put(row->text, entry->unit, &row->entry.unit);
  at = put(at, entry->kind, &row->entry.kind);
  put(at, entry->detail, &row->entry.detail);
  return row;
}

void history_add(struct history *history, const struct history_entry *entry) {
  struct row *row = copy(entry);
  uv_mutex_lock(&history->lock);
  if (row && history->queued + row->size <= QUEUE_MOST) {
    *history->last = row;
    history->last = &row->next;
    history->queued += row->size;
    row = NULL;
    uv_cond_signal(&history->work);
  } else {
    history->count.lost++;
  }
  uv_mutex_unlock(&history->lock);
  free(row);
}

void history_count(struct history *history, struct history_count *count) {
  uv_mutex_lock(&history->lock);
  *count = history->count;
  uv_mutex_unlock(&history->lock);
}

static void wait_locked(struct history *history, unsigned ms) {
  uint64_t until = uv_hrtime() + (uint64_t)ms * 1000000, now;
  while (!history->over && (now = uv_hrtime()) < until)
    uv_cond_timedwait(&history->done, &history->lock, until - now);
}

void history_free(struct history *history, unsigned ms) {
  if (!history) return;
  uv_mutex_lock(&history->lock);
  history->stop = true;
  uv_cond_signal(&history->work);
  wait_locked(history, ms);
  bool hangs = history->abandoned = !history->over;
  uv_mutex_unlock(&history->lock);
  if (hangs) {
    pthread_detach(history->thread);
    return;
  }
  uv_thread_join(&history->thread);
  destroy(history);
}
