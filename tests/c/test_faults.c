/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that fail, each in its turn, once, under the launcher and the writers of logs.
 * The control arm is `intact`: without a fault all of it succeeds. */
#include <sched.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "directory.h"
#include "faults.h"
#include "launching.h"
#include "output/logfile.h"

/* ---- the launcher ---- */

static int count_fds(void) {
  int count = 0;
  for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static int launch_once(struct launch_result *result) {
  struct launch_spec spec = spec_of(ARGV("true"), LAUNCH_INHERIT);
  spec.cwd = "/";
  spec.nice = 5;
  spec.has_nice = true;
  spec.no_new_privs = true;
  return launch(&spec, result);
}

static void reap(struct launch_result *result) {
  int status;
  if (result->pid > 0) waitpid(result->pid, &status, 0);
  if (result->pidfd >= 0) close(result->pidfd);
}

static const struct {
  long call;
  int error;
  const char *stage;
} launches[] = {
#ifndef __SANITIZE_THREAD__ /* there the launcher does not call it by this name */
    {CLONE, EAGAIN, "clone"},          {CLONE, ENOMEM, "clone"},
#endif
    {SYS_setsid, EPERM, "setsid"},     {SYS_chdir, EACCES, "chdir"},
    {SYS_chdir, EIO, "chdir"},         {SYS_execve, EAGAIN, "execve"},
    {SYS_execve, ENOMEM, "execve"},    {SYS_execve, ETXTBSY, "execve"},
    {SYS_execve, E2BIG, "execve"},     {SYS_execve, EIO, "execve"},
    {SYS_setpriority, EACCES, "nice"},
};

/* The one step that failed is named, with its error; nobody and nothing is left behind. */
static void launcher(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof launches / sizeof *launches; i++) {
    struct launch_result result;
    int fds = count_fds();
    set_fault(launches[i].call, launches[i].error);
    int error = launch_once(&result);
    set_fault(NONE, 0);
    assert_int_equal(error, -launches[i].error);
    assert_string_equal(result.stage, launches[i].stage);
    assert_int_equal(count_fds(), fds);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
  }
}

static const struct {
  long call;
  int error;
  const char *stage;
} drops[] = {
    {SYS_setgroups, EPERM, "setgroups"}, {SYS_getgroups, EPERM, "setgroups"},
    {SYS_setresgid, EPERM, "setgid"},    {SYS_setresgid, EAGAIN, "setgid"},
    {SYS_getresgid, EPERM, "setgid"},    {SYS_setresuid, EPERM, "setuid"},
    {SYS_setresuid, EAGAIN, "setuid"},   {SYS_getresuid, EPERM, "setuid"},
    {SYS_prctl, EPERM, "pdeathsig"},
};

static int launch_as_nobody(struct launch_result *result) {
  struct launch_spec spec = spec_of(ARGV("sh", "-c", "touch ran"), LAUNCH_INHERIT);
  spec.uid = spec.gid = 65534;
  spec.has_uid = spec.has_gid = spec.die_with_host = true;
  return launch(&spec, result);
}

/* Whatever fails on the way to another user, nothing of the program is run. */
static void nobody_as_root(void **state) {
  (void)state;
  struct launch_result result;
  if (geteuid() != 0) skip();
  assert_int_equal(chmod(".", 0777), 0);
  for (size_t i = 0; i < sizeof drops / sizeof *drops; i++) {
    set_fault(drops[i].call, drops[i].error);
    int error = launch_as_nobody(&result);
    set_fault(NONE, 0);
    assert_int_equal(error, -drops[i].error);
    assert_string_equal(result.stage, drops[i].stage);
    assert_int_equal(access("ran", F_OK), -1);
  }
  assert_int_equal(launch_as_nobody(&result), 0); /* the control */
  reap(&result);
  assert_int_equal(access("ran", F_OK), 0);
}

static void intact(void **state) {
  struct launch_result result;
  (void)state;
  assert_int_equal(launch_once(&result), 0);
  reap(&result);
}

/* ---- a log ---- */

static int setup(void **state) {
  set_fault(NONE, 0);
  return directory_enter(state);
}

static int teardown(void **state) {
  set_fault(NONE, 0);
  return directory_leave(state);
}

static const struct {
  long call;
  int error;
  bool is_harmless;
} logs[] = {
    {NONE, 0, true},         {WRITE, ENOSPC, false},  {WRITE, EIO, false},
    {WRITE, EINTR, true},    {OPEN, EMFILE, false},   {OPEN, ENFILE, false},
    {RENAME, EACCES, false}, {RENAME, ENOSPC, false},
};

static char *text_of_all(void) {
  static char text[4096];
  size_t len = 0;
  const char *names[] = {"log.2", "log.1", "log"};
  for (int i = 0; i < 3; i++) {
    FILE *file = fopen(names[i], "r");
    if (!file) continue;
    len += fread(text + len, 1, sizeof text - 1 - len, file);
    fclose(file);
  }
  text[len] = '\0';
  return text;
}

/* Whole lines only, in their order; those that are lost were counted, and no more than the
 * one that the fault struck; the next is written. */
static void check_log(long call, int error, bool is_harmless) {
  struct logfile_options options = {.path = "log", .max_size = 64, .keep = 2};
  struct logfile *file;
  unsigned long lost, all_lost = 0;
  assert_int_equal(logfile_open(&options, &file), 0);
  set_fault(call, error);
  for (int i = 0; i < 12; i++) {
    char line[32];
    snprintf(line, sizeof line, "line %04d\n", i);
    logfile_write(file, line, strlen(line), 0, &lost);
    all_lost += lost;
  }
  logfile_close(file);
  if (call != NONE) assert_int_equal(fault.hits, 1);
  assert_int_equal(all_lost, is_harmless ? 0 : 1);
  int lines = 0, last = -1;
  for (char *at = text_of_all(); *at; at += 10, lines++) {
    assert_true(strncmp(at, "line ", 5) == 0 && at[9] == '\n' && atoi(at + 5) > last);
    last = atoi(at + 5);
  }
  assert_int_equal(lines, is_harmless ? 12 : 11);
}

static void log_writer(void **state) {
  for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
    check_log(logs[i].call, logs[i].error, logs[i].is_harmless);
    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup(state), 0);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(intact), TEST(launcher), TEST(nobody_as_root),
                                     TEST(log_writer)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
