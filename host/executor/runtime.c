/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime: its rounds of work. See runtime.h. */
#include "executor/runtime.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "executor/runtime_store.h"
#include "executor/timer.h"
#include "executor/watchdog.h"
#include "vm/vm.h"

#define TURN_BUDGET (UINT64_C(2) * 1000000)  /* ns of tasks between posted calls */
#define ROUND_BUDGET (UINT64_C(8) * 1000000) /* ns of work between two polls */

enum {
  POST_VALUES = 4,
  PASSED_OVER = 4 /* polls in a row that brought something, until a slice is due */
};

/* ---- posted calls ---- */

void runtime_post(struct runtime *runtime, lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, runtime->posts);
  lua_insert(L, -1 - POST_VALUES);
  for (int i = POST_VALUES; i >= 1; i--) lua_rawseti(L, -1 - i, runtime->post_last + i);
  lua_pop(L, 1);
  runtime->post_last += POST_VALUES;
}

static void call_first_post(struct runtime *runtime, lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, runtime->posts);
  for (int i = 1; i <= POST_VALUES; i++) {
    lua_rawgeti(L, -i, runtime->post_first + i);
    lua_pushnil(L);
    lua_rawseti(L, -2 - i, runtime->post_first + i);
  }
  lua_remove(L, -1 - POST_VALUES);
  runtime->post_first += POST_VALUES;
  if (runtime->post_first == runtime->post_last)
    runtime->post_first = runtime->post_last = 0;
  vm_call(L, POST_VALUES - 1, 0);
  schedule_lose_stall(&runtime->schedule);
}

static bool has_posts(const struct runtime *runtime) {
  return runtime->post_first != runtime->post_last;
}

/* The calls that are queued now; what they post themselves waits for the next round. */
static void run_posts(struct runtime *runtime) {
  lua_Integer count = (runtime->post_last - runtime->post_first) / POST_VALUES;
  while (count-- > 0) call_first_post(runtime, runtime->vm->L);
}

/* ---- rounds ---- */

static void expire_timer(struct runtime *runtime, struct deadline *deadline) {
  timer_expired(runtime->vm->L, deadline);
  schedule_lose_stall(&runtime->schedule);
}

static void expired(struct deadline *deadline, void *context) {
  struct runtime *runtime = context;
  if (deadline->kind == DEADLINE_TIMER)
    expire_timer(runtime, deadline);
  else
    task_expired(runtime->tasks, deadline);
}

/* Runs posted calls and ready tasks in turn until none is left or [end] has come. */
static bool work(struct runtime *runtime, uint64_t end) {
  bool left;
  do {
    run_posts(runtime);
    left = tasks_run(runtime->tasks, TURN_BUDGET) || has_posts(runtime);
  } while (left && schedule_read(&runtime->schedule) < end);
  return left;
}

static void set_busy(struct runtime *runtime, bool on) {
  runtime->busy = on;
  if (runtime->loop) runtime_loop_hurry(runtime->loop, on);
}

void runtime_kick(struct runtime *runtime) {
  set_busy(runtime, true);
}

static void round_of_work(struct runtime *runtime, bool with_slice) {
  schedule_advance(&runtime->schedule, expired, runtime);
  bool left = work(runtime, runtime->schedule.now + ROUND_BUDGET);
  if (with_slice) tasks_run_sliced(runtime->tasks);
  set_busy(runtime, tasks_have_sliced(runtime->tasks) || left);
}

static void arm_timer(struct runtime *runtime) {
  uint64_t next = schedule_next(&runtime->schedule);
  if (next == runtime->armed) return;
  runtime->armed = next;
  if (runtime->loop) runtime_loop_arm(runtime->loop, next);
}

static uint64_t entries_of(const struct runtime *runtime) {
  return atomic_load_explicit(&runtime->vm->interrupt.entry, memory_order_relaxed);
}

/* A slice is as long as many an answer: where something has come, more of it is looked for
 * first. */
static bool is_slice_due(struct runtime *runtime) {
  bool idle = entries_of(runtime) == runtime->entries;
  if (!idle && ++runtime->passed_over < PASSED_OVER) return false;
  runtime->passed_over = 0;
  return true;
}

void runtime_before_wait(struct runtime *runtime) {
  if (runtime->schedule.manual) {
    set_busy(runtime, false); /* a kick is nothing to keep the loop spinning for */
    return;
  }
  schedule_read(&runtime->schedule);
  round_of_work(runtime, false);
  arm_timer(runtime);
  schedule_sleep(&runtime->schedule, runtime->armed);
  runtime->entries = entries_of(runtime);
}

void runtime_after_wait(struct runtime *runtime) {
  if (runtime->schedule.manual) return;
  bool with_slice = is_slice_due(runtime);
  schedule_read(&runtime->schedule);
  round_of_work(runtime, with_slice);
}

/* ---- without a loop ---- */

void runtime_set_door(struct runtime *runtime, const struct runtime_door *door) {
  runtime->door = door ? *door : (struct runtime_door){NULL};
}

static void sleep_until(uint64_t ns) {
  struct timespec at = {(time_t)(ns / SCHEDULE_SECOND), (long)(ns % SCHEDULE_SECOND)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void wait_at_door(struct runtime *runtime) {
  uint64_t until = runtime->busy ? 0 : runtime->armed;
  if (runtime->door.await)
    runtime->door.await(runtime->door.data, until);
  else if (until != UINT64_MAX)
    sleep_until(until);
  else
    runtime->stopped = true; /* nothing can come any more */
}

void runtime_run(struct runtime *runtime) {
  runtime_kick(runtime);
  while (!runtime->loop && !runtime->stopped) {
    runtime_before_wait(runtime);
    if (runtime->loop || runtime->stopped) break;
    wait_at_door(runtime);
    runtime_after_wait(runtime);
  }
  if (!runtime->stopped) uv_run(runtime_loop(runtime), UV_RUN_DEFAULT);
}

void runtime_stop(struct runtime *runtime) {
  runtime->stopped = true;
  if (runtime->loop) uv_stop(runtime_loop(runtime));
}

/* ---- the manual clock ---- */

void runtime_set_manual(struct runtime *runtime) {
  schedule_set(&runtime->schedule, runtime->schedule.now);
}

static void settle(struct runtime *runtime) {
  do {
    schedule_advance(&runtime->schedule, expired, runtime);
  } while (work(runtime, UINT64_MAX) || tasks_run_sliced(runtime->tasks));
}

void runtime_step(struct runtime *runtime, uint64_t ns) {
  struct schedule *schedule = &runtime->schedule;
  uint64_t end = schedule->now + ns;
  settle(runtime);
  for (uint64_t next; (next = schedule_next(schedule)) <= end;) {
    schedule_set(schedule, next > schedule->now ? next : schedule->now);
    settle(runtime);
  }
  schedule_set(schedule, end);
  settle(runtime);
}

/* ---- life ---- */

int runtime_new(struct vm *vm, unsigned near_bits, struct runtime **out) {
  struct runtime *runtime = calloc(1, sizeof *runtime);
  if (!runtime) return UV_ENOMEM;
  runtime->tasks = tasks_new(vm->L, &runtime->schedule);
  if (!runtime->tasks) {
    free(runtime);
    return UV_ENOMEM;
  }
  schedule_init(&runtime->schedule, near_bits);
  runtime->vm = vm;
  runtime->armed = UINT64_MAX;
  lua_newtable(vm->L);
  runtime->posts = luaL_ref(vm->L, LUA_REGISTRYINDEX);
  vm->runtime = runtime;
  *out = runtime;
  return 0;
}

int runtime_watch(struct runtime *runtime, const struct watchdog_budget *budget) {
  runtime_unwatch(runtime);
  struct pulse *pulse = tasks_pulse(runtime->tasks);
  return watchdog_add(&runtime->vm->interrupt, budget, pulse, &runtime->watch);
}

void runtime_unwatch(struct runtime *runtime) {
  watchdog_remove(runtime->watch);
  runtime->watch = NULL;
}

void runtime_close(struct runtime *runtime) {
  runtime_unwatch(runtime);
  runtime->closed = true;
  if (runtime->loop) runtime_loop_close(runtime->loop);
}

void runtime_free(struct runtime *runtime) {
  if (runtime->loop) runtime_loop_free(runtime->loop);
  tasks_free(runtime->tasks);
  schedule_free(&runtime->schedule);
  free(runtime);
}

struct schedule *runtime_schedule(struct runtime *runtime) {
  return &runtime->schedule;
}

struct tasks *runtime_tasks(struct runtime *runtime) {
  return runtime->tasks;
}
