/* SPDX-License-Identifier: Apache-2.0 */
/* Spool: see spool.h; the loop's side. */
#include "output/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/spool_store.h"

enum {
  SMALL = 4096, /* chunks that are copied together */
  STALL_MS = 1000,
  LOOK_MS = 250, /* how often that is looked for while somebody waits */
};

static void tell(struct spools *spools, struct spool *spool) {
  pthread_mutex_lock(&spools->lock);
  int error = spool->error;
  bool stalled = spool->stalled;
  unsigned long lost = spool->lost;
  bool over = spool->closed || (!error && !stalled);
  if (over) spool->lost = 0;
  bool begins = !spool->told && (!over || lost > 0);
  if (begins) spool->told = true;
  bool ends = spool->told && over;
  if (ends) spool->told = false;
  pthread_mutex_unlock(&spools->lock);
  if (begins) spools->report(spools->data, spool->path, spool->reason, lost);
  if (ends) spools->report(spools->data, spool->path, 0, lost);
}

static void wake_waiters(struct spool *spool) {
  struct spool_waiter *waiter;
  while ((waiter = spool->waiters)) {
    spool_forget(waiter);
    waiter->call(waiter->data);
  }
}

static bool has_room(struct spool *spool) {
  pthread_mutex_lock(&spool->spools->lock);
  bool has = spool_has_room(spool);
  if (has) spool->wanted = false;
  pthread_mutex_unlock(&spool->spools->lock);
  return has;
}

static void free_spool(struct spool *spool) {
  while (spool->first) free(spool_first(spool));
  spool_tell_openers(spool);
  logfile_close(spool->file);
  syslogger_free(spool->logger);
  free(spool->path);
  free(spool);
}

static bool is_over(struct spool *spool) {
  pthread_mutex_lock(&spool->spools->lock);
  bool over = spool->closed && !spool->busy;
  pthread_mutex_unlock(&spool->spools->lock);
  return over;
}

static void on_news(uv_async_t *news) {
  struct spools *spools = news->data;
  for (struct spool *spool = spools->all; spool; spool = spool->next) {
    spool_tell_openers(spool);
    tell(spools, spool);
    spool_end_feed(spool);
    if (spool->waiters && has_room(spool)) wake_waiters(spool);
  }
  for (struct spool **at = &spools->all, *spool; (spool = *at);) {
    if (!is_over(spool)) {
      at = &spool->next;
      continue;
    }
    *at = spool->next;
    tell(spools, spool); /* it may have closed since it was last asked */
    free_spool(spool);
  }
}

static void see_steps(struct spool *spool, uint64_t now) {
  spool->seen_steps = spool->steps;
  spool->seen_at = now;
}

/* Nothing was written for a second in which somebody waited: nobody is to wait any more. */
static void check_stall(struct spool *spool) {
  uint64_t now = uv_hrtime() / 1000000;
  pthread_mutex_lock(&spool->spools->lock);
  if (spool->steps != spool->seen_steps) see_steps(spool, now);
  bool stalls = now - spool->seen_at >= STALL_MS;
  if (stalls) {
    spool->stalled = true;
    spool->reason = UV_ETIMEDOUT;
    if (spool->feed) spool->feed->done = true;
  }
  pthread_mutex_unlock(&spool->spools->lock);
  if (!stalls) return;
  tell(spool->spools, spool);
  spool_end_feed(spool);
  wake_waiters(spool);
}

static bool is_needed(const struct spool *spool) {
  return spool->waiters || spool->feed;
}

static void on_stall(uv_timer_t *timer) {
  struct spools *spools = timer->data;
  bool more = false;
  for (struct spool *spool = spools->all; spool; spool = spool->next) {
    if (is_needed(spool)) check_stall(spool);
    if (is_needed(spool)) more = true;
  }
  if (!more) uv_timer_stop(timer);
}

void spools_watch(struct spools *spools) {
  if (!uv_is_active((uv_handle_t *)&spools->stall))
    uv_timer_start(&spools->stall, on_stall, LOOK_MS, LOOK_MS);
}

bool spool_wait(struct spool *spool, struct spool_waiter *waiter) {
  struct spools *spools = spool->spools;
  pthread_mutex_lock(&spools->lock);
  bool full = spool->queued > SPOOL_ROOM && !spool->stalled;
  if (full) spool->wanted = true;
  if (full && !spool->waiters) see_steps(spool, uv_hrtime() / 1000000);
  pthread_mutex_unlock(&spools->lock);
  if (!full || waiter->link) return full;
  waiter->next = spool->waiters;
  waiter->link = &spool->waiters;
  if (waiter->next) waiter->next->link = &waiter->next;
  spool->waiters = waiter;
  spools_watch(spools);
  return true;
}

void spool_forget(struct spool_waiter *waiter) {
  if (!waiter->link) return;
  *waiter->link = waiter->next;
  if (waiter->next) waiter->next->link = waiter->link;
  waiter->link = NULL;
}

/* ---- giving ---- */

static void append_locked(struct spool *spool, struct chunk *chunk) {
  chunk->next = NULL;
  if (spool->last)
    spool->last->next = chunk;
  else
    spool->first = chunk;
  spool->last = chunk;
  spool_line_up(spool);
}

/* In its place goes how it ended, by which the thread knows where the next line begins. */
static void drop_locked(struct spool *spool, struct chunk *chunk) {
  char end = chunk->bytes[chunk->len - 1];
  spool->lost += chunk_lines(chunk->bytes, chunk->len);
  spool_recycle(spool->spools, chunk);
  struct chunk *hole = spool->last;
  if (!hole || !hole->hole) {
    hole = chunk_copy(&end, 1);
    if (!hole) return;
    hole->hole = true;
    append_locked(spool, hole);
  }
  hole->bytes[0] = end;
}

/* Small pieces are copied together, so that no big chunk holds little. */
static bool join_locked(struct spool *spool, const struct chunk *chunk) {
  struct chunk *last = spool->last;
  if (!last || last->hole || chunk->len > SMALL || last->room - last->len < chunk->len)
    return false;
  chunk_add(last, chunk->bytes, chunk->len);
  return true;
}

static struct chunk *shrink_locked(struct spools *spools, struct chunk *chunk) {
  if (chunk->room != CHUNK_SIZE || chunk->len > CHUNK_SIZE / 4) return chunk;
  struct chunk *small = chunk_new(chunk->len < SMALL ? SMALL : chunk->len);
  if (!small) return chunk;
  chunk_add(small, chunk->bytes, chunk->len);
  spool_recycle(spools, chunk);
  return small;
}

static void give_locked(struct spool *spool, struct chunk *chunk) {
  bool drops = spool->stalled || spool->error;
  if (drops && spool->queued + chunk->len > SPOOL_ROOM) {
    drop_locked(spool, chunk);
    return;
  }
  spool->queued += chunk->len;
  if (join_locked(spool, chunk))
    spool_recycle(spool->spools, chunk);
  else
    append_locked(spool, shrink_locked(spool->spools, chunk));
}

void spool_give(struct spool *spool, struct chunk *chunk) {
  struct spools *spools = spool->spools;
  pthread_mutex_lock(&spools->lock);
  if (chunk->len > 0)
    give_locked(spool, chunk);
  else
    spool_recycle(spools, chunk);
  pthread_mutex_unlock(&spools->lock);
}

void spool_put(struct spool *spool, const char *bytes, size_t len) {
  struct chunk *chunk = len > 0 ? chunk_copy(bytes, len) : NULL;
  if (!chunk) return;
  pthread_mutex_lock(&spool->spools->lock);
  bool is_full = spool->queued + len > SPOOL_ROOM;
  if (is_full && !spool->error) spool->reason = UV_ENOBUFS;
  if (is_full)
    drop_locked(spool, chunk);
  else
    give_locked(spool, chunk);
  pthread_mutex_unlock(&spool->spools->lock);
  if (is_full) uv_async_send(&spool->spools->news);
}

struct chunk *spool_chunk(struct spool *spool) {
  struct spools *spools = spool->spools;
  pthread_mutex_lock(&spools->lock);
  struct chunk *chunk = spools->spare;
  if (chunk) {
    spools->spare = chunk->next;
    spools->spare_count--;
  }
  pthread_mutex_unlock(&spools->lock);
  return chunk ? chunk : chunk_new(CHUNK_SIZE);
}

/* ---- letting go ---- */

void spool_release(struct spool *spool) {
  if (!spool) return;
  struct spools *spools = spool->spools;
  pthread_mutex_lock(&spools->lock);
  if (--spool->users == 0) spool_line_up(spool);
  pthread_mutex_unlock(&spools->lock);
}

unsigned spools_reopen(struct spools *spools) {
  unsigned count = 0;
  pthread_mutex_lock(&spools->lock);
  for (struct spool *spool = spools->all; spool; spool = spool->next) {
    if (spool->closed || spool->logger) continue;
    spool->reopen = true;
    spool_line_up(spool);
    count++;
  }
  pthread_mutex_unlock(&spools->lock);
  return count;
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle) {
  struct spools *spools = handle->data;
  if (--spools->open_handles > 0 || spools->hung) return;
  for (struct chunk *chunk; (chunk = spools->spare);) {
    spools->spare = chunk->next;
    free(chunk);
  }
  free(spools->bulk);
  pthread_cond_destroy(&spools->fetched);
  pthread_cond_destroy(&spools->idle);
  pthread_cond_destroy(&spools->work);
  pthread_mutex_destroy(&spools->lock);
  free(spools);
}

struct spools *spools_new(uv_loop_t *loop, spool_report report, void *data) {
  pthread_condattr_t monotonic;
  struct spools *spools = calloc(1, sizeof *spools);
  if (!spools) return NULL;
  if (uv_async_init(loop, &spools->news, on_news) < 0) {
    free(spools);
    return NULL;
  }
  uv_timer_init(loop, &spools->stall);
  uv_unref((uv_handle_t *)&spools->news);
  uv_unref((uv_handle_t *)&spools->stall);
  spools->open_handles = 2;
  spools->news.data = spools->stall.data = spools;
  spools->report = report;
  spools->data = data;
  spools->last = &spools->first;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&spools->lock, NULL);
  pthread_cond_init(&spools->work, &monotonic);
  pthread_cond_init(&spools->idle, &monotonic);
  pthread_cond_init(&spools->fetched, NULL);
  pthread_condattr_destroy(&monotonic);
  return spools;
}

bool spools_flush(struct spools *spools, unsigned ms) {
  struct timespec until;
  uint64_t at = uv_hrtime() + ms * UINT64_C(1000000);
  until.tv_sec = (time_t)(at / 1000000000);
  until.tv_nsec = (long)(at % 1000000000);
  int error = 0;
  pthread_mutex_lock(&spools->lock);
  while (spools->started && !(spools->sleeping && !spools->first) && error != ETIMEDOUT)
    error = pthread_cond_timedwait(&spools->idle, &spools->lock, &until);
  pthread_mutex_unlock(&spools->lock);
  return error != ETIMEDOUT;
}

static bool stop_thread(struct spools *spools, unsigned ms) {
  bool done = spools_flush(spools, ms);
  pthread_mutex_lock(&spools->lock);
  spools->closing = true;
  pthread_cond_signal(&spools->work);
  pthread_mutex_unlock(&spools->lock);
  if (!spools->started) return true;
  if (done)
    pthread_join(spools->thread, NULL);
  else
    pthread_detach(spools->thread);
  return done;
}

void spools_free(struct spools *spools, unsigned ms) {
  if (!spools) return;
  spools->hung = !stop_thread(spools, ms);
  squeezer_free(spools->squeezer, spools->hung ? 0 : ms);
  for (struct spool *spool; !spools->hung && (spool = spools->all);) {
    spools->all = spool->next;
    spool->closed = true;
    if (!spool->open_error) spool->open_error = UV_ECANCELED; /* for who still waits */
    tell(spools, spool);
    free_spool(spool);
  }
  uv_close((uv_handle_t *)&spools->news, on_closed);
  uv_close((uv_handle_t *)&spools->stall, on_closed);
}
