/* SPDX-License-Identifier: Apache-2.0 */
/* Squeezer: see squeezer.h. `lock` guards all but `stop`. */
#include "output/squeezer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MODEST = 10 }; /* nice */

struct job {
  struct job *next;
  struct archive *archive;
};

struct squeezer {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t work, done;
  atomic_bool stop;
  bool started, busy, over, abandoned;
  struct job *first;
};

struct squeezer *squeezer_new(void) {
  pthread_condattr_t monotonic;
  struct squeezer *squeezer = calloc(1, sizeof *squeezer);
  if (!squeezer) return NULL;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&squeezer->lock, NULL);
  pthread_cond_init(&squeezer->work, NULL);
  pthread_cond_init(&squeezer->done, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return squeezer;
}

static void destroy(struct squeezer *squeezer) {
  for (struct job *job; (job = squeezer->first);) {
    squeezer->first = job->next;
    archive_release(job->archive);
    free(job);
  }
  pthread_cond_destroy(&squeezer->work);
  pthread_cond_destroy(&squeezer->done);
  pthread_mutex_destroy(&squeezer->lock);
  free(squeezer);
}

/* ---- the thread ---- */

static void serve_locked(struct squeezer *squeezer) {
  struct job *job = squeezer->first;
  squeezer->first = job->next;
  squeezer->busy = true;
  pthread_mutex_unlock(&squeezer->lock);
  archive_squeeze(job->archive, &squeezer->stop); /* what failed is tried next time */
  archive_release(job->archive);
  free(job);
  pthread_mutex_lock(&squeezer->lock);
  squeezer->busy = false;
}

static void *run(void *arg) {
  struct squeezer *squeezer = arg;
  setpriority(PRIO_PROCESS, (id_t)gettid(), MODEST);
  pthread_mutex_lock(&squeezer->lock);
  while (!squeezer->stop) {
    if (squeezer->first)
      serve_locked(squeezer);
    else
      pthread_cond_wait(&squeezer->work, &squeezer->lock);
  }
  squeezer->over = true;
  bool abandoned = squeezer->abandoned;
  pthread_cond_signal(&squeezer->done);
  pthread_mutex_unlock(&squeezer->lock);
  if (abandoned) destroy(squeezer);
  return NULL;
}

static void start_locked(struct squeezer *squeezer) {
  sigset_t all, old;
  if (squeezer->started) return;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  squeezer->started = pthread_create(&squeezer->thread, NULL, run, squeezer) == 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* ---- for everybody ---- */

static bool is_queued_locked(const struct squeezer *squeezer,
                             const struct archive *archive) {
  const struct job *job = squeezer->first;
  while (job && job->archive != archive) job = job->next;
  return job;
}

static void add_locked(struct squeezer *squeezer, struct archive *archive) {
  struct job **at = &squeezer->first;
  while (*at) at = &(*at)->next;
  struct job *job = *at = calloc(1, sizeof *job);
  if (job) job->archive = archive_share(archive);
}

void squeezer_ask(struct squeezer *squeezer, struct archive *archive) {
  pthread_mutex_lock(&squeezer->lock);
  start_locked(squeezer);
  if (!is_queued_locked(squeezer, archive)) add_locked(squeezer, archive);
  pthread_cond_signal(&squeezer->work);
  pthread_mutex_unlock(&squeezer->lock);
}

bool squeezer_is_idle(struct squeezer *squeezer) {
  pthread_mutex_lock(&squeezer->lock);
  bool idle = !squeezer->first && !squeezer->busy;
  pthread_mutex_unlock(&squeezer->lock);
  return idle;
}

static void wait_locked(struct squeezer *squeezer, unsigned ms) {
  struct timespec until;
  int error = 0;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += ms / 1000;
  until.tv_nsec += (long)(ms % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  while (squeezer->started && !squeezer->over && error != ETIMEDOUT)
    error = pthread_cond_timedwait(&squeezer->done, &squeezer->lock, &until);
}

void squeezer_free(struct squeezer *squeezer, unsigned ms) {
  if (!squeezer) return;
  pthread_mutex_lock(&squeezer->lock);
  squeezer->stop = true;
  pthread_cond_signal(&squeezer->work);
  wait_locked(squeezer, ms);
  bool started = squeezer->started;
  bool hangs = squeezer->abandoned = started && !squeezer->over;
  pthread_mutex_unlock(&squeezer->lock);
  if (hangs) {
    pthread_detach(squeezer->thread);
    return;
  }
  if (started) pthread_join(squeezer->thread, NULL);
  destroy(squeezer);
}
