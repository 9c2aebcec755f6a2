/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime: its loop, and the handles by which that does the rounds of work. See runtime.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "executor/runtime_store.h"

struct runtime_loop {
  uv_loop_t loop;
  int timer_fd;
  uv_poll_t timer;
  uv_prepare_t before_poll;
  uv_check_t after_poll;
  uv_idle_t busy; /* active while work is left, so that the loop does not sleep */
};

static void on_before_poll(uv_prepare_t *handle) {
  runtime_before_wait(handle->data);
}

static void on_after_poll(uv_check_t *handle) {
  runtime_after_wait(handle->data);
}

static void on_timer(uv_poll_t *handle, int status, int events) {
  struct runtime *runtime = handle->data;
  uint64_t times;
  (void)status;
  (void)events;
  if (read(runtime->loop->timer_fd, &times, sizeof times) > 0) runtime->armed = 0;
}

static void on_busy(uv_idle_t *handle) {
  (void)handle; /* that it is active is all it is for */
}

void runtime_loop_hurry(struct runtime_loop *loop, bool on) {
  if (on)
    uv_idle_start(&loop->busy, on_busy);
  else
    uv_idle_stop(&loop->busy);
}

void runtime_loop_arm(struct runtime_loop *loop, uint64_t next) {
  struct itimerspec at = {{0, 0}, {0, 0}};
  if (next != UINT64_MAX) {
    uint64_t when = next ? next : 1; /* zero would switch it off */
    at.it_value.tv_sec = (time_t)(when / SCHEDULE_SECOND);
    at.it_value.tv_nsec = (long)(when % SCHEDULE_SECOND);
  }
  timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
  if (next == UINT64_MAX) /* what nobody waits for keeps no loop alive */
    uv_unref((uv_handle_t *)&loop->timer);
  else
    uv_ref((uv_handle_t *)&loop->timer);
}

/* ---- life ---- */

/* When it lacks the second of its descriptors, libuv leaves the first one open. */
static int init_loop(uv_loop_t *loop) {
  loop->backend_fd = -1;
  int r = uv_loop_init(loop);
  if (r < 0 && loop->backend_fd >= 0) close(loop->backend_fd);
  return r;
}

static int open_timer(struct runtime_loop *loop) {
  loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (loop->timer_fd < 0) return -errno;
  int r = uv_poll_init(&loop->loop, &loop->timer, loop->timer_fd);
  if (r < 0) close(loop->timer_fd);
  return r;
}

static void start_handles(struct runtime *runtime, struct runtime_loop *loop) {
  uv_prepare_init(&loop->loop, &loop->before_poll);
  uv_check_init(&loop->loop, &loop->after_poll);
  uv_idle_init(&loop->loop, &loop->busy);
  loop->timer.data = loop->before_poll.data = loop->after_poll.data = runtime;
  uv_poll_start(&loop->timer, UV_READABLE, on_timer);
  uv_prepare_start(&loop->before_poll, on_before_poll);
  uv_check_start(&loop->after_poll, on_after_poll);
  uv_unref((uv_handle_t *)&loop->timer);
  uv_unref((uv_handle_t *)&loop->before_poll);
  uv_unref((uv_handle_t *)&loop->after_poll);
}

static void discard(struct runtime_loop *loop) {
  uv_close((uv_handle_t *)&loop->timer, NULL);
  uv_run(&loop->loop, UV_RUN_NOWAIT);
  runtime_loop_free(loop);
}

static int make(struct runtime *runtime, struct runtime_loop *loop) {
  int r = init_loop(&loop->loop);
  if (r == 0 && (r = open_timer(loop)) < 0) uv_loop_close(&loop->loop);
  if (r < 0) {
    free(loop);
    return r;
  }
  if (runtime->door.attach) r = runtime->door.attach(runtime->door.data, &loop->loop);
  if (r < 0)
    discard(loop);
  else
    start_handles(runtime, loop);
  return r;
}

int runtime_open_loop(struct runtime *runtime) {
  if (runtime->loop) return 0;
  if (runtime->closed) return UV_ECANCELED;
  struct runtime_loop *loop = calloc(1, sizeof *loop);
  if (!loop) return UV_ENOMEM;
  int r = make(runtime, loop);
  if (r < 0) return r;
  runtime->loop = loop;
  runtime->armed = UINT64_MAX; /* as its timer is */
  if (runtime->busy) runtime_loop_hurry(loop, true);
  return 0;
}

uv_loop_t *runtime_loop(struct runtime *runtime) {
  return runtime->loop ? &runtime->loop->loop : NULL;
}

void runtime_loop_close(struct runtime_loop *loop) {
  uv_close((uv_handle_t *)&loop->timer, NULL);
  uv_close((uv_handle_t *)&loop->before_poll, NULL);
  uv_close((uv_handle_t *)&loop->after_poll, NULL);
  uv_close((uv_handle_t *)&loop->busy, NULL);
}

void runtime_loop_free(struct runtime_loop *loop) {
  close(loop->timer_fd);
  uv_loop_close(&loop->loop);
  free(loop);
}
