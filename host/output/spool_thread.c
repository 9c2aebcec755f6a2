/* SPDX-License-Identifier: Apache-2.0 */
/* Spool thread: writes what the loop has queued. See spool.h. What is called with the lock
 * held, and returns with it, is called so or is in spool_store.h. */
#include <stdlib.h>

#include "output/spool_store.h"

enum {
  RETRY_MS = 250,
  RETRY_MAX_MS = 8000,
  SOON_MS = 10000,
  SPARE = 8, /* chunks kept for the next read */
};

static uint64_t now_ms(void) {
  return uv_hrtime() / 1000000;
}

void spool_line_up(struct spool *spool) {
  struct spools *spools = spool->spools;
  if (spool->ready || spool->busy) return;
  spool->ready = true;
  spool->waiting = NULL;
  *spools->last = spool;
  spools->last = &spool->waiting;
  if (spools->sleeping || spools->resting) pthread_cond_signal(&spools->work);
}

static struct spool *next_locked(struct spools *spools) {
  struct spool *spool = spools->first;
  spools->first = spool->waiting;
  if (!spools->first) spools->last = &spools->first;
  spool->ready = false;
  spool->busy = true;
  return spool;
}

struct chunk *spool_first(struct spool *spool) {
  struct chunk *chunk = spool->first;
  if (chunk) spool->first = chunk->next;
  if (!spool->first) spool->last = NULL;
  return chunk;
}

bool spool_has_room(const struct spool *spool) {
  return spool->stalled || spool->queued <= SPOOL_ROOM / 2;
}

void spool_recycle(struct spools *spools, struct chunk *chunk) {
  if (chunk->room != CHUNK_SIZE || spools->spare_count >= SPARE) {
    free(chunk);
    return;
  }
  chunk->len = 0;
  chunk->next = spools->spare;
  spools->spare = chunk;
  spools->spare_count++;
}

static void fail_locked(struct spool *spool, int error, uint64_t now) {
  bool soon = !spool->error && now - spool->well_since < SOON_MS;
  if (spool->error || soon)
    spool->retry_ms =
        spool->retry_ms * 2 < RETRY_MAX_MS ? spool->retry_ms * 2 : RETRY_MAX_MS;
  else
    spool->retry_ms = RETRY_MS;
  spool->retry_at = now + spool->retry_ms;
  spool->error = spool->reason = error;
}

/* Returns whether the loop has to be told. */
static bool account_locked(struct spool *spool, int error, unsigned long lost) {
  uint64_t now = now_ms();
  int before = spool->error;
  spool->lost += lost;
  spool->steps++;
  if (error && (!before || now >= spool->retry_at)) fail_locked(spool, error, now);
  if (!error && before) {
    spool->error = 0;
    spool->well_since = now;
  }
  if (spool->stalled && spool->queued <= SPOOL_ROOM / 2) spool->stalled = false;
  return !spool->stalled &&
         ((lost > 0 && !spool->told) || before != spool->error ||
          spool->told != !!error || (spool->wanted && spool_has_room(spool)));
}

/* Returns 0 or an error, with the lines lost; while failing, the present one before it is
 * time to try again. */
static int write_chunk(struct spool *spool, struct chunk *chunk, unsigned long *lost) {
  uint64_t now = now_ms();
  bool waits = spool->error && now < spool->retry_at;
  if (!chunk->hole && !waits && spool->logger)
    return syslogger_write(spool->logger, chunk->bytes, chunk->len, lost);
  if (!chunk->hole && !waits)
    return logfile_write(spool->file, chunk->bytes, chunk->len, now, lost);
  if (spool->file) logfile_lose(spool->file, chunk->bytes, chunk->len);
  *lost = chunk->hole ? 0 : chunk_lines(chunk->bytes, chunk->len);
  return spool->error;
}

void spool_write(struct spool *spool, struct chunk *chunk) {
  struct spools *spools = spool->spools;
  unsigned long lost;
  pthread_mutex_unlock(&spools->lock);
  int error = write_chunk(spool, chunk, &lost);
  pthread_mutex_lock(&spools->lock);
  if (!chunk->hole) spool->queued -= chunk->len;
  if (account_locked(spool, error, lost)) uv_async_send(&spools->news);
}

/* Nobody uses it, nothing is left: the loop frees the rest. */
static void close_locked(struct spool *spool) {
  struct spools *spools = spool->spools;
  struct logfile *file = spool->file;
  spool->file = NULL;
  spool->closed = true;
  pthread_mutex_unlock(&spools->lock);
  logfile_close(file);
  pthread_mutex_lock(&spools->lock);
  uv_async_send(&spools->news);
}

static void reopen_locked(struct spool *spool) {
  struct spools *spools = spool->spools;
  spool->reopen = false;
  pthread_mutex_unlock(&spools->lock);
  int error = logfile_reopen(spool->file);
  pthread_mutex_lock(&spools->lock);
  if (error && account_locked(spool, error, 0)) uv_async_send(&spools->news);
}

/* One that cannot be opened is closed, and whoever waits for it is told why. */
static void open_locked(struct spool *spool) {
  struct logfile *file = NULL;
  pthread_mutex_unlock(&spool->spools->lock);
  int error = logfile_open(&spool->options, &file);
  pthread_mutex_lock(&spool->spools->lock);
  spool->file = file;
  spool->opening = false;
  spool->open_error = error;
  spool->closed = error != 0;
  uv_async_send(&spool->spools->news);
}

static void limit_locked(struct spool *spool) {
  struct logfile_options limits = spool->limits;
  spool->limit = false;
  pthread_mutex_unlock(&spool->spools->lock);
  logfile_limit(spool->file, &limits);
  pthread_mutex_lock(&spool->spools->lock);
}

static bool feeds(const struct spool *spool) {
  return spool->feed && !spool->feed->done && !spool->spools->closing;
}

static void serve_locked(struct spool *spool) {
  if (spool->opening) open_locked(spool);
  if (spool->closed) {
    spool->busy = false;
    return;
  }
  if (spool->limit && spool->file) limit_locked(spool);
  struct chunk *chunk = spool_first(spool);
  if (chunk) {
    spool_write(spool, chunk);
    spool_recycle(spool->spools, chunk);
  } else if (feeds(spool)) {
    spool_fetch(spool);
  }
  if (spool->reopen && spool->file) reopen_locked(spool);
  spool->reopen = false;
  bool over = !spool->first && spool->users == 0;
  if (over) close_locked(spool);
  spool->busy = false;
  if (!spool->closed && (spool->first || spool->reopen || spool->limit ||
                         spool->users == 0 || feeds(spool)))
    spool_line_up(spool);
}

static void sleep_locked(struct spools *spools) {
  free(spools->bulk);
  spools->bulk = NULL;
  spools->sleeping = true;
  pthread_cond_broadcast(&spools->idle);
  pthread_cond_wait(&spools->work, &spools->lock);
  spools->sleeping = false;
}

void *spool_run(void *arg) {
  struct spools *spools = arg;
  pthread_mutex_lock(&spools->lock);
  while (spools->first || !spools->closing) {
    if (spools->first)
      serve_locked(next_locked(spools));
    else
      sleep_locked(spools);
  }
  spools->sleeping = true;
  pthread_cond_broadcast(&spools->idle);
  pthread_mutex_unlock(&spools->lock);
  return NULL;
}
