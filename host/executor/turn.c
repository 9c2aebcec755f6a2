/* SPDX-License-Identifier: Apache-2.0 */
/* Turn: runs a task's coroutine until it waits or its actor is done. See task.h.
 *
 * A turn is a chain of calls on one coroutine: the actor returns "keepalive" and the turn
 * is over, or an event, and then the machine's advance takes the transition and names the
 * next actor. A coroutine whose call has returned is as good as new, so the next task can
 * have it. An error leaves the coroutine's stack as it was: the traceback is read from it,
 * then its to-be-closed variables run, and only then is the machine told. */
#include <lauxlib.h>
#include <string.h>

#include "base/pulse.h"
#include "executor/task_store.h"
#include "vm/vm.h"

enum { CALLS_IN_TURN = 16 };

/* The hand is the coroutine that the next turn borrows, anchored in spares[0]. */
static lua_State *take_hand(struct tasks *tasks) {
  lua_State *L = tasks->L;
  if (tasks->hand) return tasks->hand;
  lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->spares);
  if (tasks->spare_count > 0) {
    lua_rawgeti(L, -1, tasks->spare_count);
    lua_pushnil(L);
    lua_rawseti(L, -3, tasks->spare_count--);
  } else {
    lua_newthread(L);
  }
  tasks->hand = lua_tothread(L, -1);
  lua_rawseti(L, -2, 0);
  lua_pop(L, 1);
  return tasks->hand;
}

/* The task keeps the hand while it waits. */
static void keep_hand(struct tasks *tasks, struct task *task) {
  lua_State *L = tasks->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->spares);
  lua_rawgeti(L, -1, 0);
  task_set_value(L, task, VALUE_COROUTINE);
  lua_pop(L, 1);
  task->co = tasks->hand;
  tasks->hand = NULL;
}

/* L: [co] -> [] */
static void put_aside(struct tasks *tasks) {
  lua_State *L = tasks->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->spares);
  lua_insert(L, -2);
  if (!tasks->hand) {
    tasks->hand = lua_tothread(L, -1);
    lua_rawseti(L, -2, 0);
  } else if (tasks->spare_count < SPARE_COROUTINES) {
    lua_rawseti(L, -2, ++tasks->spare_count);
  } else {
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void release_coroutine(struct tasks *tasks, struct task *task) {
  lua_State *L = tasks->L;
  if (!task->co) return;
  task_push_value(L, task, VALUE_COROUTINE);
  put_aside(tasks);
  lua_pushnil(L);
  task_set_value(L, task, VALUE_COROUTINE);
  task->co = NULL;
}

void turn_drop(struct tasks *tasks, struct task *task) {
  bool deaf = task->cancelled && task->sliced; /* it has had its chance */
  if (task->co) turn_reset(task->co, deaf);
  release_coroutine(tasks, task);
}

/* co: [] -> [function, object] for the actor, [advance, object, event] for the machine */
static int push_call(struct tasks *tasks, struct task *task, lua_State *co) {
  if (task->phase == PHASE_ACTOR) {
    lua_rawgeti(co, LUA_REGISTRYINDEX, task->values);
    lua_rawgeti(co, -1, task_place(task, VALUE_ACTOR));
    lua_rawgeti(co, -2, task_place(task, VALUE_OBJECT));
    lua_remove(co, -3);
    return 1;
  }
  lua_rawgeti(co, LUA_REGISTRYINDEX, tasks->handlers[HANDLER_ADVANCE]);
  task_push_value(co, task, VALUE_OBJECT);
  if (task->failing)
    lua_pushliteral(co, "error");
  else
    lua_pushnil(co);
  task->failing = false;
  return 2;
}

void task_set_actor(struct tasks *tasks, struct task *task, lua_State *L,
                    uint64_t every) {
  task_set_value(L, task, VALUE_ACTOR);
  task->every = every;
  if (!task->co) task_nudge(tasks, task); /* a pause; a sleep goes on */
}

/* co: [] -> [serve, object]; the turn that was to come next comes after it, in its time */
static int push_serve(struct tasks *tasks, struct task *task, lua_State *co) {
  task->mail = false;
  task->serving = true;
  task->rest = deadline_is_armed(&task->wake) ? task->wake.due : 0;
  deadline_cancel(&task->wake);
  lua_rawgeti(co, LUA_REGISTRYINDEX, tasks->handlers[HANDLER_SERVE]);
  task_push_value(co, task, VALUE_OBJECT);
  return 1;
}

/* ---- ends of a turn ---- */

/* the limit that passed during this turn, or nil */
static void push_overdue(struct tasks *tasks) {
  if (tasks->overdue == LIMITS)
    lua_pushnil(tasks->L);
  else
    lua_pushstring(tasks->L, limit_name((enum limit)tasks->overdue));
  tasks->overdue = LIMITS; /* it is told */
}

static void fail(struct tasks *tasks, struct task *task, lua_State *co,
                 const char *kind) {
  lua_State *L = tasks->L;
  lua_pushstring(L, kind);
  lua_xmove(co, L, 1);
  vm_push_message(L, -1);
  lua_remove(L, -2);
  vm_push_traceback(L, co, 0);
  turn_reset(co, tasks->raised == INTERRUPT_KILL);
  release_coroutine(tasks, task);
  task->waits = WAIT_NOTHING;
  deadline_cancel(&task->wake);
  task->cancelled = task->raising = task->stalled = task->serving = false;
  tasks->current = NULL; /* the turn is over: the machine may run others' */
  push_overdue(tasks);
  task_notify(tasks, task, HANDLER_FAILED, 4);
}

static const char *failure_kind(const struct task *task, int status) {
  if (task->stalled) return "stalled";
  if (task->cancelled) return "cancelled";
  return status == LUA_ERRMEM ? "memory" : "error";
}

/* The turn is over with "keepalive". A turn that never gave way is followed by a pause of
 * one tick at least, so an actor without `every` cannot spin. */
static void pause_until_next(struct tasks *tasks, struct task *task) {
  struct schedule *schedule = tasks->schedule;
  uint64_t pause = task->every ? task->every : 1;
  if (!task->every && task->waited)
    task_make_ready(tasks, task);
  else
    schedule_wake(schedule, &task->wake, schedule->now + pause);
  if (task->mail) task_make_ready(tasks, task);
}

/* co: [] -> the actor's call if it is its turn by now, or -1 */
static int after_serving(struct tasks *tasks, struct task *task, lua_State *co) {
  struct schedule *schedule = tasks->schedule;
  task->serving = false;
  if (task->rest <= schedule_tick(schedule->now) && !task->held)
    return push_call(tasks, task, co);
  deadline_arm(&schedule->wakes, &task->wake, task->rest);
  if (task->mail) task_make_ready(tasks, task);
  return -1;
}

static bool is_keepalive(const struct tasks *tasks, lua_State *co) {
  return lua_type(co, 1) == LUA_TSTRING && lua_tostring(co, 1) == tasks->keepalive;
}

/* co: [actor's results] -> what to call next on it, or -1 when the turn is over */
static int after_actor(struct tasks *tasks, struct task *task, lua_State *co) {
  if (is_keepalive(tasks, co) && !task->cancelled) {
    lua_settop(co, 0);
    task_beat(tasks, task);
    if (task->serving) return after_serving(tasks, task, co);
    pause_until_next(tasks, task);
    if (tasks->watch_beats) task_notify(tasks, task, HANDLER_BEAT, 0);
    return -1;
  }
  if (task->cancelled) {
    lua_pushliteral(co, "cancelled");
    fail(tasks, task, co, failure_kind(task, LUA_OK));
    return -1;
  }
  lua_settop(co, 1);
  task->serving = false;
  if (tasks->endings && turn_end(tasks, task, co)) return -1;
  task->phase = PHASE_ADVANCE;
  push_call(tasks, task, co); /* event, advance, object, nil */
  lua_pushvalue(co, 1);
  lua_replace(co, -2);
  lua_remove(co, 1);
  return 2;
}

/* The worker has become ready; the machine may close the task when it is told. */
static bool is_closed_by_ready(struct tasks *tasks, struct task *task) {
  uint32_t serial = task->serial;
  task_notify(tasks, task, HANDLER_READY, 0);
  return task->serial != serial;
}

/* co: [actor, every, ready] or [] -> the actor's call, or -1 when there is none */
static int after_advance(struct tasks *tasks, struct task *task, lua_State *co) {
  lua_settop(co, 3);
  if (!lua_isfunction(co, 1)) {
    lua_settop(co, 0);
    release_coroutine(tasks, task);
    tasks->current = NULL;
    task_notify(tasks, task, HANDLER_FINISHED, 0);
    return -1;
  }
  bool ready = lua_toboolean(co, 3);
  lua_settop(co, 2);
  turn_set_actor(co, task);
  if (ready && is_closed_by_ready(tasks, task)) return -1;
  return task->held ? -1 : push_call(tasks, task, co);
}

static int after_call(struct tasks *tasks, struct task *task, lua_State *co) {
  uint32_t serial = task->serial;
  int next = task->phase == PHASE_ACTOR ? after_actor(tasks, task, co)
                                        : after_advance(tasks, task, co);
  if (next >= 0 || task->serial != serial) return next;
  release_coroutine(tasks, task);
  return next;
}

/* ---- a turn ---- */

/* A bare coroutine.yield() in a worker gives way to the others, for a tick: whoever does
 * nothing else shall not keep the loop busy. */
static void give_way(struct tasks *tasks, struct task *task, lua_State *co, int results) {
  lua_pop(co, results);
  schedule_wake(tasks->schedule, &task->wake, tasks->schedule->now + 1);
}

static void suspend(struct tasks *tasks, struct task *task, lua_State *co, int results) {
  if (!task->co) keep_hand(tasks, task);
  if (task->sliced) {
    tasks->crowded |= task->heavy;
    task_put_off(tasks, task);
  } else if (task->waits == WAIT_NOTHING) {
    give_way(tasks, task, co, results);
  }
}

/* The task closed itself meanwhile, or somebody did while it ran. */
static void close_late(struct tasks *tasks, struct task *task, lua_State *co) {
  tasks->close_current = false;
  turn_reset(co, false);
  task_close(tasks, task);
}

/* In a long turn nobody could look at the task's own limits: which of them has passed? */
static void note_overdue(struct tasks *tasks, struct task *task) {
  uint64_t served = schedule_served(tasks->schedule);
  if (served - tasks->turn_began < SCHEDULE_STALL || tasks->overdue != LIMITS) return;
  tasks->overdue = task_first_overdue(task, served);
}

static void run_calls(struct tasks *tasks, struct task *task, lua_State *co, int count) {
  for (int calls = 0; count >= 0; calls++) {
    if (calls >= CALLS_IN_TURN && task->phase == PHASE_ACTOR) {
      lua_settop(co, 0); /* a machine that never rests: it goes on with the next tick */
      release_coroutine(tasks, task);
      schedule_wake(tasks->schedule, &task->wake, tasks->schedule->now + 1);
      return;
    }
    int status = turn_resume(tasks, task, co, &count);
    note_overdue(tasks, task);
    if (tasks->close_current) {
      close_late(tasks, task, co);
      return;
    }
    if (status == LUA_YIELD) {
      suspend(tasks, task, co, count);
      return;
    }
    if (status != LUA_OK) {
      fail(tasks, task, co, failure_kind(task, status));
      return;
    }
    count = after_call(tasks, task, co);
  }
}

/* A long turn does not count against the others' deadlines, only against its own; unless
 * the whole process was stopped meanwhile, which is nobody's fault. */
static void account(struct tasks *tasks, struct task *task, uint32_t serial) {
  uint64_t took = schedule_served(tasks->schedule) - tasks->turn_began;
  if (took < SCHEDULE_STALL) return;
  uint64_t lost = schedule_lose(tasks->schedule, took);
  if (schedule_was_continued(tasks->schedule))
    tasks->overdue = LIMITS;
  else if (task->serial == serial)
    task_shift_limits(tasks, task, lost);
}

/* What the turn of a task that goes on has missed. */
static void report_late(struct tasks *tasks, struct task *task) {
  if (tasks->overdue == LIMITS && !task->stalled) return;
  push_overdue(tasks);
  if (task->stalled && lua_isnil(tasks->L, -1)) {
    lua_pop(tasks->L, 1);
    lua_pushliteral(tasks->L, "stall");
  }
  task->stalled = false;
  task_notify(tasks, task, HANDLER_LATE, 1);
}

static void show_turn(const struct tasks *tasks, const struct task *task) {
  atomic_fetch_add(&tasks->pulse->turn, 1);
  task_show(tasks, task);
}

bool turn_run_now(struct tasks *tasks, struct task *task) {
  bool rests = task->phase == PHASE_ACTOR && !task->co && !task->queued && !task->held;
  if (tasks->current || !rests) return false;
  deadline_cancel(&task->wake);
  turn_run(tasks, task);
  return true;
}

void turn_run(struct tasks *tasks, struct task *task) {
  uint32_t serial = task->serial;
  if (task->held && !task->co && task->phase == PHASE_ACTOR) return;
  tasks->turn_began = schedule_served(tasks->schedule);
  tasks->overdue = LIMITS;
  bool fresh = task->fresh && !task->held;
  task->fresh = false;
  if (fresh && !turn_begin(tasks, task)) return;
  lua_State *co = task->co;
  int count;
  if (co) {
    count = task->results;
    task->results = 0;
  } else {
    co = take_hand(tasks);
    task->waited = false;
    bool serves = task->mail && task->phase == PHASE_ACTOR;
    count = serves ? push_serve(tasks, task, co) : push_call(tasks, task, co);
  }
  tasks->current = task;
  if (tasks->pulse) show_turn(tasks, task);
  run_calls(tasks, task, co, count);
  tasks->current = NULL;
  if (tasks->pulse) atomic_store(&tasks->pulse->due, 0);
  account(tasks, task, serial);
  if (task->serial != serial) return;
  task->heavy = task->sliced;
  report_late(tasks, task);
}
