/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime: the loop side of the scheduler. See runtime.h. */
#include "executor/runtime.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "executor/timer.h"
#include "executor/watchdog.h"
#include "vm/vm.h"

#define TURN_BUDGET (UINT64_C(2) * 1000000)  /* ns of tasks between posted calls */
#define ROUND_BUDGET (UINT64_C(8) * 1000000) /* ns of work between two polls */

enum {
  POST_VALUES = 4,
  PASSED_OVER = 4 /* polls in a row that brought something, until a slice is due */
};

struct runtime {
  struct vm *vm;
  struct schedule schedule;
  struct tasks *tasks;
  int posts; /* reference: queue of function, a, b, c, function, ... */
  lua_Integer post_first, post_last;
  int timer_fd;
  struct watch *watch; /* NULL while nobody watches */
  uint64_t entries;    /* into Lua, before the poll */
  unsigned passed_over;
  uint64_t armed; /* real ns the timerfd stands at, UINT64_MAX for off */
  uv_poll_t timer;
  uv_prepare_t before_poll;
  uv_check_t after_poll;
  uv_idle_t busy; /* active while work is left, so that the loop does not sleep */
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

static void on_busy(uv_idle_t *handle) {
  (void)handle; /* that it is active is all it is for */
}

void runtime_kick(struct runtime *runtime) {
  uv_idle_start(&runtime->busy, on_busy);
}

static void round_of_work(struct runtime *runtime, bool with_slice) {
  schedule_advance(&runtime->schedule, expired, runtime);
  bool left = work(runtime, runtime->schedule.now + ROUND_BUDGET);
  if (with_slice) tasks_run_sliced(runtime->tasks);
  left = tasks_have_sliced(runtime->tasks) || left;
  if (left)
    runtime_kick(runtime);
  else
    uv_idle_stop(&runtime->busy);
}

static void arm_timer(struct runtime *runtime) {
  uint64_t next = schedule_next(&runtime->schedule);
  if (next == runtime->armed) return;
  struct itimerspec at = {{0, 0}, {0, 0}};
  if (next != UINT64_MAX) {
    uint64_t when = next ? next : 1; /* zero would switch it off */
    at.it_value.tv_sec = (time_t)(when / SCHEDULE_SECOND);
    at.it_value.tv_nsec = (long)(when % SCHEDULE_SECOND);
  }
  timerfd_settime(runtime->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
  runtime->armed = next;
  if (next == UINT64_MAX) /* what nobody waits for keeps no loop alive */
    uv_unref((uv_handle_t *)&runtime->timer);
  else
    uv_ref((uv_handle_t *)&runtime->timer);
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

static void on_before_poll(uv_prepare_t *handle) {
  struct runtime *runtime = handle->data;
  if (runtime->schedule.manual) {
    uv_idle_stop(&runtime->busy); /* a kick is nothing to keep the loop spinning for */
    return;
  }
  schedule_read(&runtime->schedule);
  round_of_work(runtime, false);
  arm_timer(runtime);
  schedule_sleep(&runtime->schedule, runtime->armed);
  runtime->entries = entries_of(runtime);
}

static void on_after_poll(uv_check_t *handle) {
  struct runtime *runtime = handle->data;
  if (runtime->schedule.manual) return;
  bool with_slice = is_slice_due(runtime);
  schedule_read(&runtime->schedule);
  round_of_work(runtime, with_slice);
}

static void on_timer(uv_poll_t *handle, int status, int events) {
  struct runtime *runtime = handle->data;
  uint64_t times;
  (void)status;
  (void)events;
  if (read(runtime->timer_fd, &times, sizeof times) > 0) runtime->armed = 0;
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

static int start_handles(struct runtime *runtime, uv_loop_t *loop) {
  int r = uv_poll_init(loop, &runtime->timer, runtime->timer_fd);
  if (r < 0) return r;
  uv_prepare_init(loop, &runtime->before_poll);
  uv_check_init(loop, &runtime->after_poll);
  uv_idle_init(loop, &runtime->busy);
  runtime->timer.data = runtime->before_poll.data = runtime;
  runtime->after_poll.data = runtime->busy.data = runtime;
  uv_poll_start(&runtime->timer, UV_READABLE, on_timer);
  uv_prepare_start(&runtime->before_poll, on_before_poll);
  uv_check_start(&runtime->after_poll, on_after_poll);
  uv_unref((uv_handle_t *)&runtime->timer);
  uv_unref((uv_handle_t *)&runtime->before_poll);
  uv_unref((uv_handle_t *)&runtime->after_poll);
  return 0;
}

int runtime_new(struct vm *vm, unsigned near_bits, struct runtime **out) {
  int r = UV_ENOMEM;
  struct runtime *runtime = calloc(1, sizeof *runtime);
  if (!runtime) return r;
  runtime->vm = vm;
  runtime->armed = UINT64_MAX;
  runtime->timer_fd = -1;
  schedule_init(&runtime->schedule, near_bits);
  runtime->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (runtime->timer_fd < 0) {
    r = -errno;
    goto fail;
  }
  runtime->tasks = tasks_new(vm->L, &runtime->schedule);
  if (!runtime->tasks) goto fail;
  lua_newtable(vm->L);
  runtime->posts = luaL_ref(vm->L, LUA_REGISTRYINDEX);
  r = start_handles(runtime, vm->loop);
  if (r < 0) goto fail;
  vm->runtime = runtime;
  *out = runtime;
  return 0;
fail:
  if (runtime->tasks) tasks_free(runtime->tasks);
  if (runtime->timer_fd >= 0) close(runtime->timer_fd);
  schedule_free(&runtime->schedule);
  free(runtime);
  return r;
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
  uv_close((uv_handle_t *)&runtime->timer, NULL);
  uv_close((uv_handle_t *)&runtime->before_poll, NULL);
  uv_close((uv_handle_t *)&runtime->after_poll, NULL);
  uv_close((uv_handle_t *)&runtime->busy, NULL);
}

void runtime_free(struct runtime *runtime) {
  close(runtime->timer_fd);
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
