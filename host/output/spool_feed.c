/* SPDX-License-Identifier: Apache-2.0 */
/* Spool feed: see spool.h. `spool->feed` is set and cleared by the loop, with the lock.
 *
 * After a fetch that found little the thread rests, so that more comes together and who writes need not wake it. */
#include <stdlib.h>
#include <time.h>

#include "output/spool_store.h"

enum {
  BULK = 256 * 1024,
  MUCH = 16 * 1024, /* worth the next fetch at once */
  LITTLE = 4096,    /* found after the longest rest: it is not worth fetching */
  REST_US = 100,
  REST_MAX_US = 1000,
};

/* ---- the loop's side ---- */

bool spool_feed(struct spool *spool, struct spool_feed *feed) {
  pthread_mutex_lock(&spool->spools->lock);
  bool can = !spool->feed && !spool->logger && !spool->opening && !spool->closed &&
             !spool->stalled;
  if (can) {
    spool->feed = feed;
    feed->spool = spool;
    feed->rest_us = REST_US;
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

/* Returns how long to rest after [got] bytes, and whether that was the last time: `done`. */
static unsigned pace(struct spool_feed *feed, ssize_t got) {
  unsigned rest_us = feed->rest_us;
  feed->rest_us = REST_US;
  if (got >= MUCH) return 0;
  feed->done = got < 0 || (rest_us >= REST_MAX_US && got < LITTLE);
  feed->rest_us = rest_us * 2 < REST_MAX_US ? rest_us * 2 : REST_MAX_US;
  return feed->done ? 0 : rest_us;
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
