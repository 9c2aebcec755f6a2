/* SPDX-License-Identifier: Apache-2.0 */
/* Schedule: clocks and wheels. See schedule.h. */
#include "base/schedule.h"

#include <stdatomic.h>
#include <time.h>

#define TICK SCHEDULE_TICK
#define MOMENT (TICK / 16) /* ns in a tick of the row */

static atomic_uint continues; /* of the whole process */

static uint64_t monotonic(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * SCHEDULE_SECOND + (uint64_t)ts.tv_nsec;
}

uint64_t schedule_tick(uint64_t ns) {
  return (ns + TICK - 1) / TICK;
}

void schedule_note_continue(void) {
  atomic_fetch_add(&continues, 1);
}

bool schedule_was_continued(struct schedule *schedule) {
  unsigned seen = schedule->continues;
  schedule->continues = atomic_load(&continues);
  return schedule->continues != seen;
}

void schedule_init(struct schedule *schedule, unsigned near_bits) {
  schedule->continues = atomic_load(&continues);
  schedule->manual = schedule->asleep = schedule->overslept = false;
  schedule->lost = 0;
  schedule->now = monotonic();
  uint64_t tick = schedule->now / TICK;
  deadline_wheel_init(&schedule->wakes, near_bits, tick);
  deadline_wheel_init(&schedule->guards, near_bits, tick);
  deadline_row_init(&schedule->soon);
}

void schedule_free(struct schedule *schedule) {
  deadline_wheel_free(&schedule->wakes);
  deadline_wheel_free(&schedule->guards);
}

/* A stop may have begun as soon as the loop slept. But it comes once: who oversleeps again
 * and again is on a slow machine, where no guard would ever expire if all sleep were lost. */
static void notice_oversleep(struct schedule *schedule) {
  bool before = schedule->overslept;
  unsigned seen = atomic_load(&continues);
  schedule->asleep = false;
  schedule->overslept = schedule->now >= schedule->wake_at &&
                        schedule->now - schedule->wake_at >= SCHEDULE_STALL;
  if (!schedule->overslept) return;
  bool slow = before && seen == schedule->slept_continues;
  schedule_lose(schedule,
                schedule->now - (slow ? schedule->wake_at : schedule->slept_at));
}

uint64_t schedule_read(struct schedule *schedule) {
  if (schedule->manual) return schedule->now;
  schedule->now = monotonic();
  if (schedule->asleep) notice_oversleep(schedule);
  return schedule->now;
}

uint64_t schedule_now(struct schedule *schedule) {
  return schedule->asleep ? schedule_read(schedule) : schedule->now;
}

void schedule_sleep(struct schedule *schedule, uint64_t until) {
  schedule->asleep = true;
  schedule->slept_at = schedule->now;
  schedule->slept_continues = atomic_load(&continues);
  schedule->wake_at = until;
}

void schedule_set(struct schedule *schedule, uint64_t now) {
  schedule->manual = true;
  schedule->now = now;
}

uint64_t schedule_served(struct schedule *schedule) {
  return schedule_now(schedule) - schedule->lost;
}

uint64_t schedule_lose(struct schedule *schedule, uint64_t duration) {
  uint64_t lost = (duration + TICK - 1) / TICK * TICK; /* both wheels tick together */
  uint64_t served = schedule->now - schedule->lost;
  if (lost > served) lost = served;
  schedule->lost += lost;
  return lost;
}

void schedule_lose_stall(struct schedule *schedule) {
  uint64_t before = schedule_now(schedule);
  uint64_t took = schedule_read(schedule) - before;
  if (took >= SCHEDULE_STALL) schedule_lose(schedule, took);
}

void schedule_wake(struct schedule *schedule, struct deadline *deadline, uint64_t due) {
  deadline_arm(&schedule->wakes, deadline, schedule_tick(due));
}

void schedule_wake_soon(struct schedule *schedule, struct deadline *deadline) {
  deadline_arm(&schedule->wakes, deadline, schedule_now(schedule) / TICK);
}

void schedule_guard(struct schedule *schedule, struct deadline *deadline, uint64_t due) {
  deadline_arm(&schedule->guards, deadline, schedule_tick(due));
}

void schedule_look(struct schedule *schedule, struct deadline *deadline, uint64_t due) {
  if (due / TICK > schedule_served(schedule) / TICK)
    deadline_arm(&schedule->guards, deadline, due / TICK);
  else
    deadline_row_arm(&schedule->soon, deadline, (due + MOMENT - 1) / MOMENT);
}

/* What lies in the row has a finer tick, a larger number, and is armed anew. */
bool schedule_looks_by(const struct deadline *deadline, uint64_t due) {
  return deadline_is_armed(deadline) && deadline->due <= due / TICK;
}

void schedule_advance(struct schedule *schedule,
                      void (*expired)(struct deadline *deadline, void *context),
                      void *context) {
  deadline_advance(&schedule->wakes, schedule->now / TICK, expired, context);
  uint64_t served = schedule_served(schedule);
  deadline_advance(&schedule->guards, served / TICK, expired, context);
  deadline_row_advance(&schedule->soon, served / MOMENT, expired, context);
}

uint64_t schedule_next(struct schedule *schedule) {
  uint64_t wake = deadline_next(&schedule->wakes);
  uint64_t guard = deadline_next(&schedule->guards);
  uint64_t soon = deadline_row_next(&schedule->soon);
  uint64_t next = UINT64_MAX;
  if (wake != UINT64_MAX) next = wake * TICK;
  if (guard != UINT64_MAX && guard * TICK + schedule->lost < next)
    next = guard * TICK + schedule->lost;
  if (soon != UINT64_MAX && soon * MOMENT + schedule->lost < next)
    next = soon * MOMENT + schedule->lost;
  return next;
}

uint64_t schedule_ns(double seconds) {
  const double longest = 1e9; /* some thirty years */
  if (!(seconds > 0)) return 0;
  return (uint64_t)((seconds < longest ? seconds : longest) * 1e9);
}
