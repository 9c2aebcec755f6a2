/* SPDX-License-Identifier: Apache-2.0 */
/* Task: the deadlines of a task. See task.h. */
#include "base/pulse.h"
#include "executor/task.h"
#include "executor/task_store.h"

const char *limit_name(enum limit limit) {
  static const char *const names[LIMITS] = {"heartbeat", "state", "transition", "start",
                                            "stop"};
  return names[limit];
}

/* served ns at which a limit is reached, UINT64_MAX for never */
static uint64_t limit_due(const struct task *task, int limit) {
  if (!task->limits[limit]) return UINT64_MAX;
  return task->limits[limit] + (limit == LIMIT_HEARTBEAT ? task->beat : 0);
}

static uint64_t earliest_limit(const struct task *task) {
  uint64_t earliest = UINT64_MAX;
  for (int i = 0; i < LIMITS; i++) {
    uint64_t due = limit_due(task, i);
    if (due < earliest) earliest = due;
  }
  return earliest;
}

/* A guard that stands too early only looks again and is armed anew, so a heartbeat or a
 * later limit needs no move here. */
void task_arm_guard(struct tasks *tasks, struct task *task) {
  uint64_t due = earliest_limit(task);
  if (due == UINT64_MAX) return;
  if (!schedule_looks_by(&task->guard, due))
    schedule_look(tasks->schedule, &task->guard, due);
}

/* A turn is a sign of life as a beat is: what waited long for it may not be late at once. */
static uint64_t limit_due_from(const struct task *task, int limit, uint64_t now) {
  if (limit != LIMIT_HEARTBEAT || !task->limits[limit]) return limit_due(task, limit);
  return (task->beat > now ? task->beat : now) + task->limits[limit];
}

void task_show(const struct tasks *tasks, const struct task *task) {
  uint64_t now = schedule_served(tasks->schedule), earliest = UINT64_MAX;
  int which = LIMITS;
  for (int i = 0; i < LIMITS; i++) {
    uint64_t due = limit_due_from(task, i, now);
    if (due < earliest) {
      earliest = due;
      which = i;
    }
  }
  atomic_store(&tasks->pulse->limit, (unsigned)which);
  atomic_store(&tasks->pulse->due,
               which == LIMITS ? 0 : earliest + tasks->schedule->lost);
}

static void show_if_running(const struct tasks *tasks, const struct task *task) {
  if (tasks->pulse && tasks->current == task) task_show(tasks, task);
}

void task_beat(struct tasks *tasks, struct task *task) {
  task->beat = schedule_served(tasks->schedule);
  show_if_running(tasks, task);
}

void task_enter(struct tasks *tasks, struct task *task, uint64_t heartbeat,
                uint64_t stay) {
  uint64_t now = schedule_served(tasks->schedule);
  task->beat = now;
  task->limits[LIMIT_HEARTBEAT] = heartbeat;
  task->limits[LIMIT_STATE] = stay ? now + stay : 0;
  task->limits[LIMIT_TRANSITION] = 0;
  task_arm_guard(tasks, task);
  show_if_running(tasks, task);
}

void task_limit(struct tasks *tasks, struct task *task, enum limit limit,
                uint64_t duration) {
  uint64_t now = schedule_served(tasks->schedule);
  if (limit == LIMIT_HEARTBEAT) {
    task->beat = now;
    task->limits[limit] = duration;
  } else {
    task->limits[limit] = duration ? now + duration : 0;
  }
  task_arm_guard(tasks, task);
  show_if_running(tasks, task);
}

void task_extend(struct tasks *tasks, struct task *task, uint64_t duration) {
  uint64_t until = schedule_served(tasks->schedule) + duration;
  for (int i = 0; i < LIMITS; i++) {
    uint64_t due = limit_due(task, i);
    if (due >= until) continue; /* also: not set */
    if (i == LIMIT_HEARTBEAT)
      task->beat = until - task->limits[i];
    else
      task->limits[i] = until;
  }
  show_if_running(tasks, task);
}

int task_first_overdue(const struct task *task, uint64_t served) {
  int limit = 0;
  while (limit < LIMITS && limit_due(task, limit) > served) limit++;
  return limit;
}

void task_shift_limits(struct tasks *tasks, struct task *task, uint64_t lost) {
  task->beat -= task->beat < lost ? task->beat : lost;
  for (int i = 0; i < LIMITS; i++)
    if (i != LIMIT_HEARTBEAT && task->limits[i] > lost) task->limits[i] -= lost;
  task_arm_guard(tasks, task);
}

/* Whether nothing is expected of the task: it waits for messages, or the scheduler owes it
 * its next turn. Then a heartbeat is not missed; a suspended task misses nothing. */
static bool is_excused(const struct task *task, int limit) {
  bool between = !task->co && !task->running && deadline_is_armed(&task->wake);
  if (limit == LIMIT_HEARTBEAT) return between || task->waits == WAIT_MAIL || task->held;
  return limit == LIMIT_STATE && task->held;
}

static void excuse(struct tasks *tasks, struct task *task) {
  uint64_t now = schedule_served(tasks->schedule);
  if (task->held)
    schedule_guard(tasks->schedule, &task->guard, now + SCHEDULE_SECOND);
  else
    task->beat = now;
  task_arm_guard(tasks, task);
}

/* The limit is lifted: the machine decides what next. Who would be excused within the tick
 * is excused now: a look is all that he costs. */
void task_check_limits(struct tasks *tasks, struct task *task) {
  uint64_t served = schedule_served(tasks->schedule);
  if (is_excused(task, task_first_overdue(task, served + SCHEDULE_TICK))) {
    excuse(tasks, task);
    return;
  }
  int limit = task_first_overdue(task, served);
  if (limit < LIMITS) task->limits[limit] = 0;
  task_arm_guard(tasks, task);
  if (limit == LIMITS) return;
  lua_pushstring(tasks->L, limit_name((enum limit)limit));
  task_notify(tasks, task, HANDLER_LATE, 1);
}
