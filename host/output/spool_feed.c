/* SPDX-License-Identifier: Apache-2.0 */
/* Spool feed: see spool.h. `spool->feed` is set and cleared by the loop, with the lock.
 *
 * Between two fetches the thread rests, so that more comes together: who writes little at a time would wake it each
 * time it has read all that there was. */
#include <stdlib.h>
#include <time.h>

#include "output/spool_store.h"

enum {
  BULK = 256 * 1024,
  ENOUGH =
      64 *
      1024, /* a quarter of a pipe: who writes need not wait, nor is it read again and again */
  LITTLE = 4096, /* found after the longest rest: it is not worth fetching */
  REST_US = 100,
  REST_MAX_US = 1000,
};

static uint64_t now_us(void) {
  return uv_hrtime() / 1000;
}

/* ---- the loop's side ---- */

bool spool_feed(struct spool *spool, struct spool_feed *feed) {
  pthread_mutex_lock(&spool->spools->lock);
  bool can = !spool->feed && !spool->logger && !spool->opening && !spool->closed &&
             !spool->stalled;
  if (can) {
    spool->feed = feed;
    feed->spool = spool;
    feed->rest_us = REST_US;
    feed->fetched_us = now_us();
    feed->fetching = feed->done = false;
    spool->seen_steps = spool->steps;
    spool->seen_at = uv_hrtime() / 1000000;
    spool_line_up(spool);
  }
  pthread_mutex_unlock(&spool->spools->lock);
  if (can) spools_watch(spool->spools);
  return can;
}

void spool_unfeed(struct spool_feed *feed) {
  struct spool *spool = feed->spool;
  if (!spool) return;
  struct spools *spools = spool->spools;
  pthread_mutex_lock(&spools->lock);
  while (feed->fetching) pthread_cond_wait(&spools->fetched, &spools->lock);
  spool->feed = NULL;
  feed->spool = NULL;
  pthread_mutex_unlock(&spools->lock);
}

void spool_end_feed(struct spool *spool) {
  struct spool_feed *feed = spool->feed;
  pthread_mutex_lock(&spool->spools->lock);
  bool done = feed && feed->done;
  pthread_mutex_unlock(&spool->spools->lock);
  if (!done) return;
  spool_unfeed(feed);
  feed->over(feed->data);
}

/* ---- the thread's ---- */

static void rest_locked(struct spools *spools, unsigned us) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += (long)us * 1000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_nsec -= 1000000000;
    until.tv_sec++;
  }
  spools->resting = true;
  pthread_cond_timedwait(&spools->work, &spools->lock, &until);
  spools->resting = false;
}

/* Returns how long to rest after [got] bytes, and whether that was the last time: `done`. A rest is as long as the
 * program takes for ENOUGH, and the next fetch comes at once where that is next to nothing. */
static unsigned pace(struct spool_feed *feed, ssize_t got) {
  uint64_t now = now_us(), passed = now - feed->fetched_us, rest_us = REST_MAX_US;
  unsigned before = feed->rest_us;
  feed->fetched_us = now;
  feed->done = got < 0 || (before >= REST_MAX_US && got < LITTLE);
  if (got > 0 && passed * ENOUGH / (uint64_t)got < rest_us)
    rest_us = passed * ENOUGH / (uint64_t)got;
  if (rest_us > before * 2) rest_us = before * 2;
  feed->rest_us = rest_us > REST_US ? (unsigned)rest_us : REST_US;
  return feed->done || rest_us < REST_US ? 0 : (unsigned)rest_us;
}

static ssize_t fetch_locked(struct spools *spools, struct spool_feed *feed) {
  feed->fetching = true;
  pthread_mutex_unlock(&spools->lock);
  if (!spools->bulk) spools->bulk = chunk_new(BULK);
  if (spools->bulk) spools->bulk->len = 0;
  ssize_t got = spools->bulk ? feed->fetch(feed->data, &spools->bulk) : -1;
  pthread_mutex_lock(&spools->lock);
  feed->fetching = false;
  pthread_cond_broadcast(&spools->fetched);
  return got;
}

void spool_fetch(struct spool *spool) {
  struct spools *spools = spool->spools;
  ssize_t got = fetch_locked(spools, spool->feed);
  unsigned rest_us = pace(spool->feed, got);
  if (spool->feed->done) uv_async_send(&spools->news);
  if (spools->bulk && spools->bulk->len > 0) {
    spool->queued += spools->bulk->len;
    spool_write(spool, spools->bulk); /* the feed may be taken back meanwhile */
  }
  if (rest_us > 0 && !spools->first) rest_locked(spools, rest_us);
}
