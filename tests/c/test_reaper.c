/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>

#include "launching.h"
#include "process/child.h"
#include "process/reaper.h"

static uv_loop_t loop;
static struct nursery *nursery;
static struct reaper *reaper;
static bool left, empty, spawned_ended;
static int64_t spawned_code;

static int setup(void **state) {
  (void)state;
  uv_loop_init(&loop);
  nursery = nursery_new(&loop);
  reaper = reaper_new(&loop, nursery);
  left = empty = spawned_ended = false;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  reaper_free(reaper);
  nursery_free(nursery);
  close_loop(&loop);
  return 0;
}

static void note_left(void *data, const struct child_status *status) {
  *(int *)data = status->code;
  left = true;
}

static void note_empty(void *data) {
  (void)data;
  empty = true;
}

static int zombies(void) {
  char path[64];
  int count = 0, pid;
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *children = fopen(path, "r");
  while (fscanf(children, "%d", &pid) == 1) count += !lives(pid);
  fclose(children);
  return count;
}

static struct child *start(char *const *argv, int *code) {
  struct child *child;
  struct launch_result result;
  struct launch_spec spec = spec_of(argv, LAUNCH_INHERIT);
  struct child_events events = {note_left, NULL, note_empty, code};
  assert_int_equal(child_start(nursery, &spec, &events, &child, &result), 0);
  return child;
}

/* A thousand orphans are gone within a second. */
static void orphans(void **state) {
  (void)state;
  int code;
  struct child *child = start(ARGV(HELPER("orphans"), "1000"), &code);
  assert_true(run_until(&loop, &empty, 20000));
  run_for(&loop, 200);
  assert_int_equal(zombies(), 0);
  child_close(child);
}

/* The control arm: with no reaper at work they stay. */
static void orphans_without_reaper(void **state) {
  (void)state;
  int code;
  reaper_free(reaper);
  struct child *child = start(ARGV(HELPER("orphans"), "10"), &code);
  assert_true(run_until(&loop, &empty, 20000));
  run_for(&loop, 200);
  assert_true(zombies() > 0);
  reaper = reaper_new(&loop, nursery);
  assert_true(reaper_sweep(reaper) > 0);
  assert_int_equal(zombies(), 0);
  child_close(child);
}

static void on_spawned_exit(uv_process_t *process, int64_t code, int signal) {
  (void)signal;
  spawned_code = code;
  spawned_ended = true;
  uv_close((uv_handle_t *)process, NULL);
}

static void spawn_with_libuv(uv_process_t *process, unsigned flags) {
  static char *args[] = {"/bin/sh", "-c", "exit 5", NULL};
  uv_process_options_t options = {
      .file = args[0], .args = args, .exit_cb = on_spawned_exit, .flags = flags};
  spawned_ended = false;
  assert_int_equal(uv_spawn(&loop, process, &options), 0);
}

/* Those of libuv keep their status, in our session or in one of their own. */
static void spares_libuvs(void **state) {
  (void)state;
  unsigned flags[] = {0, UV_PROCESS_DETACHED};
  for (int i = 0; i < 2; i++) {
    uv_process_t process;
    spawn_with_libuv(&process, flags[i]);
    for (uint64_t until = now_ms() + 2000; zombies() == 0 && now_ms() < until;)
      usleep(500);
    assert_int_equal(reaper_sweep(reaper), 0); /* before libuv could look */
    assert_true(run_until(&loop, &spawned_ended, 20000));
    assert_int_equal(spawned_code, 5);
    run_for(&loop, 10);
  }
}

static void spares_programs(void **state) {
  (void)state;
  int code = -1;
  struct child *child = start(ARGV(HELPER("exit_with"), "9"), &code);
  for (uint64_t until = now_ms() + 2000; zombies() == 0 && now_ms() < until;) usleep(500);
  assert_int_equal(reaper_sweep(reaper), 0);
  assert_true(run_until(&loop, &left, 20000));
  assert_int_equal(code, 9);
  assert_true(run_until(&loop, &empty, 20000));
  child_close(child);
}

static void spares_popen(void **state) {
  (void)state;
  FILE *pipe = popen("exit 3", "r");
  for (uint64_t until = now_ms() + 2000; zombies() == 0 && now_ms() < until;) usleep(500);
  run_for(&loop, 100);
  assert_int_equal(reaper_sweep(reaper), 0);
  assert_int_equal(pclose(pipe), 3 << 8);
}

static void wait_in_thread(void *arg) {
  int status = -1;
  static char *args[] = {"/bin/true", NULL};
  struct launch_spec spec = spec_of(args, LAUNCH_INHERIT);
  struct launch_result result;
  spec.die_with_host = false;
  *(int *)arg = launch(&spec, &result);
  usleep(100000);
  if (waitpid(result.pid, &status, 0) != result.pid) *(int *)arg = -1;
  close(result.pidfd);
}

/* What another thread started, even in a session of its own, is that thread's. */
static void spares_other_threads(void **state) {
  (void)state;
  int outcome = -1;
  uv_thread_t thread;
  uv_thread_create(&thread, wait_in_thread, &outcome);
  for (int i = 0; i < 50; i++) {
    assert_int_equal(reaper_sweep(reaper), 0);
    usleep(1000);
  }
  uv_thread_join(&thread);
  assert_int_equal(outcome, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(orphans),         TEST(orphans_without_reaper), TEST(spares_libuvs),
      TEST(spares_programs), TEST(spares_popen),           TEST(spares_other_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
