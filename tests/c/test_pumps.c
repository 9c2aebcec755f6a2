/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that fail, each in its turn, under what moves bytes and signals while the loop
 * turns: outputs, spools, outlets, children. Each test has a row or a pass without a fault,
 * which is its control. */
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "directory.h"
#include "faults.h"
#include "launching.h"
#include "output/outlet.h"
#include "output/output.h"
#include "output/spool.h"
#include "process/child.h"

static uv_loop_t loop;

static int setup(void **state) {
  set_fault(NONE, 0);
  return directory_enter(state) || uv_loop_init(&loop);
}

static int teardown(void **state) {
  set_fault(NONE, 0);
  close_loop(&loop);
  return directory_leave(state);
}

/* ---- an output ---- */

static char said[256];

static void note(void *data, const char *lines, size_t len) {
  (void)data;
  strncat(said, lines, len < sizeof said - strlen(said) ? len : 0);
}

static void check_output(int error, const char *expected) {
  struct output *all = NULL;
  struct lines_style style = {.prefix = ""};
  struct output_target target = {.style = &style, .sink = note, .all = &all};
  int fd, failed;
  said[0] = '\0';
  struct output *output = output_new(&loop, &target, &fd, &failed);
  assert_non_null(output);
  assert_int_equal(write(fd, "one\n", 4), 4);
  if (error) set_fault(READ, error);
  run_for(&loop, 20);
  assert_int_equal(fault.hits, error ? 1 : 0);
  set_fault(NONE, 0);
  if (write(fd, "two\n", 4) < 0) assert_int_equal(errno, EPIPE);
  close(fd);
  run_for(&loop, 20);
  assert_string_equal(said, expected);
  while (all) output_free(all);
  run_for(&loop, 5);
}

/* What passes costs nothing; what does not ends the output, and nothing else. */
static void outputs(void **state) {
  (void)state;
  signal(SIGPIPE, SIG_IGN);
  check_output(0, "one\ntwo\n");
  check_output(EAGAIN, "one\ntwo\n");
  check_output(EINTR, "one\ntwo\n");
  check_output(EIO, "");
}

/* ---- a spool ---- */

static char told[256];

static void report(void *data, const char *path, int error, unsigned long lines) {
  size_t len = strlen(told);
  (void)data;
  snprintf(told + len, sizeof told - len, "%s %s %lu;", path,
           error ? uv_err_name(error) : "well", lines);
}

static void give(struct spool *spool, const char *text) {
  spool_give(spool, chunk_copy(text, strlen(text)));
}

static void ignore(uv_timer_t *timer) {
  (void)timer;
}

/* One failed write: its line is lost and counted, the next is written, and both are told. */
static void check_spool(int error, const char *expected_told, const char *expected_text) {
  struct spool_options options = {.file = {.path = "log", .keep = 1}};
  struct spools *spools = spools_new(&loop, report, NULL);
  struct spool *spool;
  uv_timer_t alive;
  uv_timer_init(&loop, &alive);
  uv_timer_start(&alive, ignore, 1000000, 0);
  told[0] = '\0';
  assert_int_equal(spool_open(spools, &options, &spool), 0);
  if (error) set_fault(WRITE, error);
  give(spool, "one\n");
  assert_true(spools_flush(spools, 2000));
  assert_int_equal(fault.hits, error ? 1 : 0);
  set_fault(NONE, 0);
  for (int i = 0; i < 500 && error && error != EINTR && !strstr(told, "well"); i++) {
    struct stat status;
    run_for(&loop, 20);
    if (stat("log", &status) == 0 && status.st_size == 0) give(spool, "two\n");
  }
  if (!error || error == EINTR) give(spool, "two\n");
  assert_true(spools_flush(spools, 2000));
  run_for(&loop, 20);
  spool_release(spool);
  spools_free(spools, 1000);
  uv_close((uv_handle_t *)&alive, NULL);
  run_for(&loop, 5);
  int fd = open("log", O_RDONLY);
  assert_string_equal(strstr(slurp(fd, false), expected_text), expected_text);
  close(fd);
  assert_int_equal(strncmp(told, expected_told, strlen(expected_told)), 0);
  unlink("log");
}

static void spools_that_fail(void **state) {
  (void)state;
  check_spool(0, "", "one\ntwo\n");
  check_spool(EINTR, "", "one\ntwo\n");
  check_spool(ENOSPC, "log ENOSPC 1;", "two\n");
  check_spool(EIO, "log EIO 1;", "two\n");
}

/* ---- an outlet ---- */

static void check_outlet(int error, const char *expected) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct outlet *outlet = outlet_new(ends[1], 4096);
  if (error) set_fault(WRITE, error);
  outlet_put(outlet, "one\n", 4);
  outlet_flush(outlet, 2000);
  assert_int_equal(fault.hits, error ? 1 : 0);
  set_fault(NONE, 0);
  outlet_put(outlet, "two\n", 4);
  outlet_flush(outlet, 2000);
  outlet_free(outlet);
  close(ends[1]);
  assert_string_equal(slurp(ends[0], false), expected);
  close(ends[0]);
}

/* Where the disk is full the mark says how many lines are missing; where nobody reads any
 * more nothing is written. */
static void outlets(void **state) {
  (void)state;
  check_outlet(0, "one\ntwo\n");
  check_outlet(EINTR, "one\ntwo\n");
  check_outlet(EAGAIN, "one\ntwo\n");
  check_outlet(ENOSPC, "[1 line dropped]\ntwo\n");
  check_outlet(EIO, "");
}

/* ---- signals ---- */

static bool has_left, is_empty;

static void note_left(void *data, const struct child_status *status) {
  (void)data;
  (void)status;
  has_left = true;
}

static void note_empty(void *data) {
  (void)data;
  is_empty = true;
}

static const struct {
  long call;
  int error, expected;
  bool ends; /* by that signal */
} signals[] = {
    {NONE, 0, 0, true},
    {SYS_pidfd_send_signal, ENOSYS, 0, true}, /* kill() will do */
    {SYS_pidfd_send_signal, ESRCH, 0, false}, /* gone is what was wanted */
    {SYS_pidfd_send_signal, EPERM, UV_EPERM, false},
    {KILL, EPERM, 0, true},
    {KILL, ESRCH, 0, true},
};

static struct child *start(struct nursery *nursery, char *const *argv, int out) {
  struct child_events events = {note_left, NULL, note_empty, NULL};
  struct launch_spec spec = spec_of(argv, out);
  struct launch_result result;
  struct child *child;
  has_left = is_empty = false;
  assert_int_equal(child_start(nursery, &spec, &events, &child, &result), 0);
  return child;
}

/* Sends TERM to the leader with a fault in its way, then without: told the truth each time,
 * and the second always reaches it. */
static void check_signal(size_t i) {
  struct nursery *nursery = nursery_new(&loop);
  struct child *child = start(nursery, ARGV("sleep", "1000"), LAUNCH_INHERIT);
  set_fault(signals[i].call, signals[i].error);
  assert_int_equal(child_signal(child, SIGTERM), signals[i].expected);
  set_fault(NONE, 0);
  if (signals[i].ends) assert_true(run_until(&loop, &is_empty, 20000));
  if (!signals[i].ends) run_for(&loop, 50);
  assert_int_equal(has_left, signals[i].ends);
  assert_int_equal(child_signal(child, SIGTERM), 0);
  assert_true(run_until(&loop, &is_empty, 20000));
  child_close(child);
  nursery_free(nursery);
}

/* The signal to all is repeated by the census, so one that fails once is not lost. */
static void check_group(size_t i) {
  struct nursery *nursery = nursery_new(&loop);
  struct child *child = start(nursery, ARGV("sleep", "1000"), LAUNCH_INHERIT);
  set_fault(signals[i].call, signals[i].error);
  child_signal_group(child, SIGKILL);
  if (signals[i].call == KILL) assert_int_equal(fault.hits, 1);
  set_fault(NONE, 0);
  child_signal_group(child, SIGKILL);
  assert_true(run_until(&loop, &is_empty, 20000));
  assert_true(has_left);
  child_close(child);
  nursery_free(nursery);
}

static void signals_that_fail(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    check_signal(i);
    check_group(i);
  }
}

/* Whoever outlives the leader is found and killed, and the end is known, though there is
 * no memory for anything. */
static void leftovers_without_memory(void **state) {
  (void)state;
  for (int scarce = 0; scarce < 2; scarce++) {
    struct nursery *nursery = nursery_new(&loop);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    char *const *argv = ARGV(HELPER("leave_child"), "now", "session");
    struct child *child = start(nursery, argv, ends[1]);
    assert_string_equal(slurp(ends[0], true), "ready\n");
    if (scarce) set_fault(MEMORY, ENOMEM);
    fault.times = INT_MAX;
    bool left = run_until(&loop, &has_left, 5000);
    child_signal_group(child, SIGKILL);
    bool gone = run_until(&loop, &is_empty, 5000);
    set_fault(NONE, 0);
    assert_true(left && gone);
    close(ends[0]);
    close(ends[1]);
    child_close(child);
    nursery_free(nursery);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(outputs), TEST(spools_that_fail), TEST(outlets),
                                     TEST(signals_that_fail),
                                     TEST(leftovers_without_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
