/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that fail, each in its turn, under the launcher and the writers of logs: what
 * is called goes through the wrappers below (see CMakeLists.txt), which fail the one that is
 * named in `fault`, once. The control arm is `intact`: without a fault all of it succeeds. */
#include <sched.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "launching.h"
#include "logfile.h"

enum { CLONE = -2, OPEN = -3, WRITE = -4, RENAME = -5, NONE = -1 };

static volatile struct {
  long call;
  int error;
  int hits;
} fault = {.call = NONE};

static bool strikes(long call) {
  if (fault.call != call || fault.hits > 0) return false;
  fault.hits++;
  errno = fault.error;
  return true;
}

static void set_fault(long call, int error) {
  fault.call = call;
  fault.error = error;
  fault.hits = 0;
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  return strikes(number) ? -1 : __real_syscall(number, a, b, c, d, e, f);
}

int __real_clone(int (*fn)(void *), void *stack, int flags, void *arg, int *fd);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, int *fd);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, int *fd) {
  return strikes(CLONE) ? -1 : __real_clone(fn, stack, flags, arg, fd);
}

int __real_open(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode) {
  return strikes(OPEN) ? -1 : __real_open(path, flags, mode);
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len) {
  return strikes(WRITE) ? -1 : __real_write(fd, bytes, len);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
  return strikes(RENAME) ? -1 : __real_rename(from, to);
}

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

static void intact(void **state) {
  struct launch_result result;
  (void)state;
  assert_int_equal(launch_once(&result), 0);
  reap(&result);
}

/* ---- a log ---- */

static char dir[32];

static int setup(void **state) {
  (void)state;
  set_fault(NONE, 0);
  strcpy(dir, "/tmp/faults.XXXXXX");
  return !mkdtemp(dir) || chdir(dir);
}

static int teardown(void **state) {
  char command[64];
  (void)state;
  set_fault(NONE, 0);
  snprintf(command, sizeof command, "rm -rf %s", dir);
  return chdir("/") || system(command);
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
  const struct CMUnitTest tests[] = {TEST(intact), TEST(launcher), TEST(log_writer)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
