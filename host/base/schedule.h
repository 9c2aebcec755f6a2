/* SPDX-License-Identifier: Apache-2.0 */
/* Schedule: the clocks and the timing wheels of one runtime.
 *
 * Two clocks, both in nanoseconds and monotonic. The real one says when a sleeper wakes.
 * The served one stands still while the host could not serve anybody (stopped, suspended,
 * swapped out, or held by one long turn); all supervision deadlines count by it, so a
 * paused host fails nobody on resume. Owns no deadline. Thread: the runtime's. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"

#define SCHEDULE_SECOND UINT64_C(1000000000)
#define SCHEDULE_TICK UINT64_C(1000000)         /* ns in a tick of the wheels */
#define SCHEDULE_STALL (UINT64_C(50) * 1000000) /* a longer gap is a stall */

struct schedule {
  uint64_t now;                 /* real clock, as last read; see schedule_now */
  uint64_t slept_at;            /* when the loop last went to sleep ... */
  uint64_t wake_at;             /* ... and when it was to wake at the latest */
  unsigned slept_continues;     /* continues of the process until then */
  bool asleep;                  /* nobody has read the clock since */
  bool overslept;               /* the last sleep was too long */
  uint64_t lost;                /* what the served clock is behind the real one */
  struct deadline_wheel wakes;  /* by the real clock */
  struct deadline_wheel guards; /* by the served clock */
  struct deadline_row soon;     /* by the served clock, to be looked at within the tick */
  unsigned continues;           /* continues of the process seen so far */
  bool manual;                  /* the clock moves only by schedule_set (tests) */
};

/* Sets up both clocks and empty wheels, see deadline_wheel_init. Thread: owner. */
void schedule_init(struct schedule *schedule, unsigned near_bits);

/* Frees what the wheels hold. Thread: owner. */
void schedule_free(struct schedule *schedule);

/* Reads the real clock; a manual one stays where it is. Returns it. Thread: owner. */
uint64_t schedule_read(struct schedule *schedule);

/* The real clock, good enough inside of a round of work: it is read anew only if the loop
 * has slept since. Thread: owner. */
uint64_t schedule_now(struct schedule *schedule);

/* The loop goes to sleep, and is to wake at [until] ns at the latest. When it is found to
 * have overslept, the host was stopped or suspended: nobody could beat meanwhile, so none
 * of that time is served; of the sleep after that, without a SIGCONT in it, only what it was
 * too long. Thread: owner. */
void schedule_sleep(struct schedule *schedule, uint64_t until);

/* Sets a manual clock to [now]. Thread: owner. */
void schedule_set(struct schedule *schedule, uint64_t now);

/* The served clock, as schedule_now. Thread: owner. */
uint64_t schedule_served(struct schedule *schedule);

/* Takes [duration] ns, rounded up to a whole tick, out of the served clock; returns what
 * it took. Thread: owner. */
uint64_t schedule_lose(struct schedule *schedule, uint64_t duration);

/* Reads the clock; if that is a stall since it was last read, nobody was served meanwhile
 * and it is lost. For after a call that ran outside of every turn. Thread: owner. */
void schedule_lose_stall(struct schedule *schedule);

/* Notes that the process goes on after a stop (SIGCONT). Async-signal-safe. */
void schedule_note_continue(void);

/* Whether it did since this was last asked: then nobody is to blame for a gap.
 * Thread: owner. */
bool schedule_was_continued(struct schedule *schedule);

/* The first tick of the wheels that is not before [ns]. Thread: any. */
uint64_t schedule_tick(uint64_t ns);

/* Arms a deadline at [due] ns of the real clock. Thread: owner. */
void schedule_wake(struct schedule *schedule, struct deadline *deadline, uint64_t due);

/* Arms a deadline that is due when the wheels advance next, before a tick is over.
 * Thread: owner. */
void schedule_wake_soon(struct schedule *schedule, struct deadline *deadline);

/* Arms a deadline at [due] ns of the served clock. Thread: owner. */
void schedule_guard(struct schedule *schedule, struct deadline *deadline, uint64_t due);

/* Arms a deadline whose owner looks at [due] himself: it expires at that time of the served
 * clock, or once up to a tick before, and is then to be armed again; so nobody waits for a
 * tick to be over, and most, who are due later by then, are looked at once. Thread: owner. */
void schedule_look(struct schedule *schedule, struct deadline *deadline, uint64_t due);

/* Whether a deadline that is armed so expires in time for [due]. Thread: owner. */
bool schedule_looks_by(const struct deadline *deadline, uint64_t due);

/* Expires what is due by the clocks as last read. Thread: owner. */
void schedule_advance(struct schedule *schedule,
                      void (*expired)(struct deadline *deadline, void *context),
                      void *context);

/* The real time in ns at which to advance next, UINT64_MAX for never. Thread: owner. */
uint64_t schedule_next(struct schedule *schedule);

/* Seconds to ns, bounded so that sums of two cannot overflow; NaN and less than zero
 * count as zero. Thread: any. */
uint64_t schedule_ns(double seconds);
