/* SPDX-License-Identifier: Apache-2.0 */
/* Watchdog: see watchdog.h. */
#include "executor/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/interrupt.h"
#include "base/pulse.h"

#define SECOND UINT64_C(1000000000)
#define SHORTEST_TICK UINT64_C(1000000)
#define LONGEST_TICK UINT64_C(50000000)

/* Looks in which nothing happened, after which a runtime is flagged: its next entry wakes
 * us. It counts as busy for one look more, by when the flag is seen. */
enum { QUIET_FLAG = 2 };

/* What a runtime is found to do. */
enum look {
  QUIET,   /* nothing, until its next entry */
  BLOCKED, /* it waits in C: what comes then may run away without an entry */
  BUSY
};

struct watch {
  struct interrupt *interrupt;
  struct watchdog_budget budget;
  pthread_t owner;
  clockid_t clock; /* processor time of the owner */
  uint64_t entry;  /* at the last look */
  uint64_t since;  /* when that entry was first seen */
  uint64_t used;   /* processor time then */
  uint64_t
      limit; /* that much more, and the entry is killed; 0 while it is not cancelled */
  unsigned quiet; /* looks in a row without an entry */
  struct pulse *pulse;
  struct watch *next;
};

static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER; /* of the thread; taken first */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all that follows */
static pthread_cond_t changed;                           /* on the monotonic clock */
static struct watch *watches;
static pthread_t thread;
static bool stopping, woken;
static uint64_t due; /* when the thread looks next; 0 while it does */
static atomic_uint_least64_t looks;

static uint64_t clock_ns(clockid_t clock) {
  struct timespec ts;
  if (clock_gettime(clock, &ts) < 0) return 0;
  return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/* ---- one runtime ---- */

static void interrupt_it(const struct watch *watch, uint64_t entry,
                         enum interrupt_level level) {
  if (interrupt_request(watch->interrupt, entry, level))
    pthread_kill(watch->owner, interrupt_signal());
}

static void show_stall(const struct watch *watch, uint64_t elapsed) {
  const struct watchdog_budget *budget = &watch->budget;
  if (interrupt_in_task(watch->interrupt)) return;
  if (elapsed < budget->stall + budget->kill) return;
  atomic_store(&watch->pulse->stalled, watch->since + budget->stall + budget->kill);
}

/* Of a thread that has hardly run since the entry was first seen there is nothing to cut:
 * it waits in C. */
static enum look judge(struct watch *watch) {
  const struct watchdog_budget *budget = &watch->budget;
  uint64_t used = clock_ns(watch->clock) - watch->used;
  uint64_t elapsed = clock_ns(CLOCK_MONOTONIC) - watch->since;
  if (watch->pulse) show_stall(watch, elapsed);
  if (used < budget->slice / 4) return BLOCKED;
  if (!watch->limit && interrupt_has_cancelled(watch->interrupt, watch->entry))
    watch->limit = used + budget->kill;
  if (watch->limit && used >= watch->limit) {
    interrupt_it(watch, watch->entry, INTERRUPT_KILL);
  } else if (!watch->limit && used >= budget->stall) {
    watch->limit = used + budget->kill;
    interrupt_it(watch, watch->entry, INTERRUPT_CANCEL);
  } else if (elapsed >= budget->slice) {
    interrupt_it(watch, watch->entry, INTERRUPT_SLICE);
  }
  return BUSY;
}

static enum look begin_entry(struct watch *watch, uint64_t entry) {
  watch->entry = entry;
  watch->quiet = 0;
  watch->limit = 0;
  if (watch->pulse) atomic_store(&watch->pulse->stalled, 0);
  if (!(entry & 1)) return BUSY;
  watch->since = clock_ns(CLOCK_MONOTONIC);
  watch->used = clock_ns(watch->clock);
  return BUSY;
}

static enum look look(struct watch *watch) {
  uint64_t entry = atomic_load(&watch->interrupt->entry);
  if (entry != watch->entry) return begin_entry(watch, entry);
  enum look seen = entry & 1 ? judge(watch) : QUIET;
  if (seen == BUSY) return BUSY;
  if (++watch->quiet == QUIET_FLAG) atomic_store(&watch->interrupt->dozing, true);
  return watch->quiet > QUIET_FLAG ? seen : BUSY;
}

/* ---- the thread ---- */

static uint64_t shortest_slice(void) {
  uint64_t shortest = LONGEST_TICK;
  for (const struct watch *watch = watches; watch; watch = watch->next)
    if (watch->budget.slice < shortest) shortest = watch->budget.slice;
  return shortest > SHORTEST_TICK ? shortest : SHORTEST_TICK;
}

/* What the busiest of them is. */
static enum look look_at_all(void) {
  enum look most = QUIET;
  atomic_fetch_add_explicit(&looks, 1, memory_order_relaxed);
  for (struct watch *watch = watches; watch; watch = watch->next) {
    enum look seen = look(watch);
    if (seen > most) most = seen;
  }
  return most;
}

/* Until the time is over or somebody who was flagged wakes us. */
static void sleep_for(uint64_t ns) {
  due = clock_ns(CLOCK_MONOTONIC) + ns;
  struct timespec at = {(time_t)(due / SECOND), (long)(due % SECOND)};
  int r = 0;
  while (!stopping && !woken && r == 0) r = pthread_cond_timedwait(&changed, &lock, &at);
  woken = false;
}

static void sleep_until_woken(void) {
  due = UINT64_MAX;
  while (!woken && !stopping) pthread_cond_wait(&changed, &lock);
  woken = false;
}

static void *watch_all(void *unused) {
  uint64_t tick = SHORTEST_TICK;
  (void)unused;
  pthread_mutex_lock(&lock);
  while (!stopping) {
    enum look seen = look_at_all();
    if (seen != BLOCKED)
      tick = shortest_slice();
    else if (tick < LONGEST_TICK)
      tick *= 2;
    if (seen == QUIET)
      sleep_until_woken();
    else
      sleep_for(tick);
    due = 0;
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

/* Signalled without the lock, or the woken thread would have to wait for that. */
static void wake(void) {
  pthread_mutex_lock(&lock);
  woken = true;
  pthread_mutex_unlock(&lock);
  pthread_cond_signal(&changed);
}

static void set_up_condition(void) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &attributes);
  pthread_condattr_destroy(&attributes);
}

/* It takes no signals of the process's. */
static int start_thread(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  sigset_t all, before;
  pthread_once(&once, set_up_condition);
  stopping = false;
  due = 0;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int r = -pthread_create(&thread, NULL, watch_all, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return r;
}

/* ---- runtimes ---- */

/* One of many that begin at once is seen in time without being waited for. */
static int insert(struct watch *watch) {
  pthread_mutex_lock(&lock);
  int r = watches ? 0 : start_thread();
  bool is_late = due > clock_ns(CLOCK_MONOTONIC) + watch->budget.slice;
  if (r == 0) {
    watch->next = watches;
    watches = watch;
  }
  pthread_mutex_unlock(&lock);
  if (r == 0 && is_late) wake();
  return r;
}

int watchdog_add(struct interrupt *interrupt, const struct watchdog_budget *budget,
                 struct pulse *pulse, struct watch **out) {
  struct watch *watch = calloc(1, sizeof *watch);
  if (!watch) return UV_ENOMEM;
  watch->interrupt = interrupt;
  watch->pulse = pulse;
  watch->budget = *budget;
  watch->owner = pthread_self();
  watch->entry = UINT64_MAX;
  interrupt->wake = wake;
  atomic_store(&interrupt->dozing, false);
  int r = -pthread_getcpuclockid(watch->owner, &watch->clock);
  if (r == 0) r = interrupt_adopt(interrupt);
  if (r == 0) {
    pthread_mutex_lock(&life);
    r = insert(watch);
    pthread_mutex_unlock(&life);
  }
  if (r < 0) {
    free(watch);
    return r;
  }
  *out = watch;
  return 0;
}

static bool take_out(const struct watch *watch) {
  struct watch **at = &watches;
  while (*at != watch) at = &(*at)->next;
  *at = watch->next;
  return watches == NULL;
}

void watchdog_remove(struct watch *watch) {
  if (!watch) return;
  pthread_mutex_lock(&life);
  pthread_mutex_lock(&lock);
  bool last = take_out(watch);
  if (last) {
    stopping = true;
    pthread_cond_signal(&changed);
  }
  pthread_mutex_unlock(&lock);
  if (last) pthread_join(thread, NULL);
  pthread_mutex_unlock(&life);
  atomic_store(&watch->interrupt->dozing, false);
  interrupt_adopt(NULL);
  free(watch);
}

uint64_t watchdog_looks(void) {
  return atomic_load_explicit(&looks, memory_order_relaxed);
}
