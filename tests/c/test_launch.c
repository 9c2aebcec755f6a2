/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>
#include <sys/stat.h>

#include "launching.h"

static int wait_for(struct launch_result *result) {
  siginfo_t info = {0};
  assert_int_equal(waitid(P_PIDFD, (id_t)result->pidfd, &info, WEXITED), 0);
  close(result->pidfd);
  return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

/* What the report helper says when it is started with [change] applied to its spec. */
static char *report(void (*change)(struct launch_spec *spec)) {
  int ends[2];
  struct launch_result result;
  assert_int_equal(pipe(ends), 0);
  struct launch_spec spec = spec_of(ARGV(reporter(), "one", "two words"), ends[1]);
  if (change) change(&spec);
  assert_int_equal(launch(&spec, &result), 0);
  close(ends[1]);
  char *text = slurp(ends[0], false);
  close(ends[0]);
  assert_int_equal(wait_for(&result), 0);
  return text;
}

static void assert_has(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("no \"%s\" in:\n%s", part, text);
}

static int failure(struct launch_spec *spec, struct launch_result *result) {
  siginfo_t info;
  int error = launch(spec, result);
  assert_int_equal(result->pidfd, -1);
  assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -1); /* reaped */
  return error;
}

static void clean_slate(void **state) {
  (void)state;
  sigset_t blocked;
  signal(SIGUSR1, SIG_IGN);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  int leak = open("/dev/null", O_RDONLY); /* not close-on-exec */
  char *text = report(NULL);
  assert_has(text, "fds 0 1 2\n");
  assert_null(strstr(text, "blocked"));
  assert_null(strstr(text, "ignored"));
  assert_has(text, "leads 1 1\n");
  assert_has(text, "arg one\narg two words\n");
  assert_has(text, "pdeathsig 9\n");
  close(leak);
  signal(SIGUSR1, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

static char *const two_vars[] = {"A=1", "B=two words", NULL};

static void set_attributes(struct launch_spec *spec) {
  spec->envp = two_vars;
  spec->cwd = "/proc";
  spec->has_umask = spec->has_nice = true;
  spec->umask = 027;
  spec->nice = 5;
  spec->limit_count = 1;
  spec->limits[0] = (struct launch_limit){RLIMIT_CPU, {1000, 2000}};
  spec->no_new_privs = true;
  spec->die_with_host = false;
  spec->oom_score = "500";
}

static void attributes(void **state) {
  (void)state;
  char *text = report(set_attributes);
  assert_has(
      text, "umask 027\nnice 5\ncwd /proc\ncpu 1000 2000\npdeathsig 0\nno_new_privs 1\n");
  assert_has(text, "env A=1\nenv B=two words\n");
  assert_ptr_equal(strstr(text, "env A=1"), strstr(text, "env "));
}

static void become_nobody(struct launch_spec *spec) {
  static const gid_t groups[] = {100, 200};
  spec->has_uid = spec->has_gid = spec->has_groups = true;
  spec->uid = 65534;
  spec->gid = 65533;
  spec->groups = groups;
  spec->group_count = 2;
}

static void become_nobody_alone(struct launch_spec *spec) {
  spec->has_uid = spec->has_gid = true;
  spec->uid = spec->gid = 65534;
}

static void identity(void **state) {
  (void)state;
  if (geteuid() != 0) skip();
  char *text = report(become_nobody);
  assert_has(text, "uid 65534 65534\ngid 65533 65533\ngroups 100 200\n");
  assert_has(text, "pdeathsig 9\n");                   /* setuid would have cleared it */
  assert_has(report(become_nobody_alone), "groups\n"); /* root's own are gone */
}

/* Many groups, each of them twice: all are read back. */
static void become_nobody_of_many(struct launch_spec *spec) {
  static gid_t groups[60];
  for (size_t i = 0; i < 60; i++) groups[i] = (gid_t)(1000 + i / 2);
  become_nobody_alone(spec);
  spec->has_groups = true;
  spec->groups = groups;
  spec->group_count = 60;
}

static void many_groups(void **state) {
  (void)state;
  if (geteuid() != 0) skip();
  assert_has(report(become_nobody_of_many), "groups 1000 1000 1001 1001 1002");
}

/* A drop that cannot be made starts nothing. */
static void no_right_to_drop(void **state) {
  (void)state;
  int status = 0;
  if (geteuid() != 0) skip();
  pid_t pid = fork();
  if (pid == 0) {
    struct launch_result result;
    struct launch_spec spec = spec_of(ARGV("true"), LAUNCH_INHERIT);
    become_nobody(&spec);
    if (setresuid(65534, 65534, 65534) != 0) _exit(2);
    int error = launch(&spec, &result);
    _exit(error == UV_EPERM && strcmp(result.stage, "setgroups") == 0 ? 0 : 1);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

static char *const name_and_argument[] = {"another name", "one", NULL};

static void set_name(struct launch_spec *spec) {
  spec->file = spec->argv[0];
  spec->argv = name_and_argument;
}

static void name_of_its_own(void **state) {
  (void)state;
  struct launch_result result;
  struct launch_spec spec = spec_of(ARGV("true"), LAUNCH_INHERIT);
  assert_has(report(set_name), "arg another name\narg one\n");
  spec.file = "/no/such/program";
  assert_int_equal(failure(&spec, &result), UV_ENOENT);
  assert_string_equal(result.subject, "/no/such/program");
}

static void missing_program(void **state) {
  (void)state;
  struct launch_result result;
  struct launch_spec spec = spec_of(ARGV("no-such-program"), LAUNCH_INHERIT);
  assert_int_equal(failure(&spec, &result), UV_ENOENT);
  assert_string_equal(result.stage, "execve");
  assert_string_equal(result.subject, "no-such-program");
  spec.argv = ARGV("");
  assert_int_equal(failure(&spec, &result), UV_ENOENT);
}

static void bad_directory(void **state) {
  (void)state;
  struct launch_result result;
  struct launch_spec spec = spec_of(ARGV("true"), LAUNCH_INHERIT);
  spec.cwd = "/no/such/directory";
  assert_int_equal(failure(&spec, &result), UV_ENOENT);
  assert_string_equal(result.stage, "chdir");
  assert_string_equal(result.subject, "/no/such/directory");
}

static void bad_stages(void **state) {
  (void)state;
  struct launch_result result;
  struct launch_spec spec = spec_of(ARGV("true"), 987);
  assert_int_equal(failure(&spec, &result), UV_EBADF);
  assert_string_equal(result.stage, "dup2");
  spec = spec_of(ARGV("true"), LAUNCH_INHERIT);
  spec.cgroups = (const char *const[]){"/no/such/cgroup", NULL};
  assert_int_equal(failure(&spec, &result), UV_ENOENT);
  assert_string_equal(result.stage, "cgroup");
  spec = spec_of(ARGV("true"), LAUNCH_INHERIT);
  spec.limit_count = 1;
  spec.limits[0] = (struct launch_limit){RLIMIT_NOFILE, {2, 1}};
  assert_int_equal(failure(&spec, &result), UV_EINVAL);
  assert_string_equal(result.stage, "setrlimit");
}

/* A file that may not be run is remembered, yet a later directory of PATH may have a good
 * one. */
static void path_search(void **state) {
  (void)state;
  char dir[] = "/tmp/launch.XXXXXX", path[64], env[128];
  struct launch_result result;
  struct launch_spec spec = spec_of(ARGV("tool"), LAUNCH_INHERIT);
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/tool", dir);
  snprintf(env, sizeof env, "PATH=:relative:/no/such:%s:/tmp", dir);
  spec.envp = ARGV(env);
  close(open(path, O_CREAT | O_WRONLY, 0644));
  assert_int_equal(failure(&spec, &result), UV_EACCES);
  chmod(path, 0755);
  FILE *file = fopen(path, "w");
  fputs("no interpreter named\n", file);
  fclose(file);
  assert_int_equal(failure(&spec, &result), -ENOEXEC);
  file = fopen(path, "w");
  fputs("#!/bin/sh\nexit 42\n", file);
  fclose(file);
  assert_int_equal(launch(&spec, &result), 0);
  assert_int_equal(wait_for(&result), 42);
  assert_int_equal(chdir(dir), 0); /* the current directory is not searched */
  spec.envp = ARGV("PATH=:.:");
  assert_int_equal(failure(&spec, &result), UV_ENOENT);
  unlink(path);
  assert_int_equal(chdir("/"), 0);
  rmdir(dir);
}

static void codes_are_the_programs(void **state) {
  (void)state;
  static const char *const codes[] = {"0", "1", "126", "127"};
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (int i = 0; i < 4; i++) {
    struct launch_result result;
    struct launch_spec spec = spec_of(ARGV(HELPER("exit_with"), (char *)codes[i]), null);
    assert_int_equal(launch(&spec, &result), 0);
    assert_int_equal(wait_for(&result), atoi(codes[i]));
  }
  close(null);
}

/* Sources that lie on each other's targets: stdin and stdout change places. */
static void crossed_stdio(void **state) {
  (void)state;
  int ends[2], status = -1;
  struct launch_result result;
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  if (pid == 0) {
    struct launch_spec spec = spec_of(ARGV("/bin/cat"), 0);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(ends[1], 0);
    spec.stdio[0] = 1;
    int error = launch(&spec, &result);
    _exit(error ? 1 : wait_for(&result));
  }
  close(ends[1]);
  assert_string_equal(slurp(ends[0], false), "");
  close(ends[0]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

/* Killed just after the spawn, the host leaves nothing running. */
static int survivors_of_a_killed_host(bool die_with_host) {
  int ends[2], count = 0;
  assert_int_equal(pipe(ends), 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid_t host = fork();
  if (host == 0) {
    struct launch_result result;
    struct launch_spec spec = spec_of(ARGV(HELPER("ignore_term")), ends[1]);
    spec.die_with_host = die_with_host;
    launch(&spec, &result);
    if (write(ends[1], &result.pid, sizeof result.pid) < 0) _exit(1);
    raise(SIGKILL);
  }
  pid_t pid = 0;
  waitpid(host, NULL, 0);
  /* "ready\n" may come first; the pid is what is left when it is taken out */
  char bytes[64] = {0};
  usleep(50000);
  ssize_t got = read(ends[0], bytes, sizeof bytes);
  ssize_t at = got >= 6 && memcmp(bytes, "ready\n", 6) == 0 ? 6 : 0;
  memcpy(&pid, bytes + at, sizeof pid);
  for (int i = 0; die_with_host && lives(pid) && i < 500; i++) usleep(10000);
  count = lives(pid);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  close(ends[0]);
  close(ends[1]);
  return count;
}

static void dies_with_host(void **state) {
  (void)state;
  for (int i = 0; i < 5; i++) assert_int_equal(survivors_of_a_killed_host(true), 0);
  assert_int_equal(survivors_of_a_killed_host(false), 1); /* control */
}

/* Nothing is left open, neither by success nor by failure. */
static void leaks_nothing(void **state) {
  (void)state;
  int before = open("/dev/null", O_RDONLY);
  close(before);
  for (int i = 0; i < 50; i++) {
    struct launch_result result;
    struct launch_spec spec = spec_of(ARGV("true"), LAUNCH_INHERIT);
    assert_int_equal(launch(&spec, &result), 0);
    wait_for(&result);
    spec.argv = ARGV("no-such-program");
    launch(&spec, &result);
  }
  int after = open("/dev/null", O_RDONLY);
  close(after);
  assert_int_equal(before, after);
}

/* Declared fds arrive under their numbers, crossed ones too; the control is the fd that
 * was not declared. */
static void declared_fds(void **state) {
  (void)state;
  int out[2], a[2], b[2];
  struct launch_result result;
  assert_int_equal(pipe2(out, O_CLOEXEC) | pipe2(a, O_CLOEXEC) | pipe2(b, O_CLOEXEC), 0);
  struct launch_spec spec = spec_of(ARGV("sh", "-c",
                                         "echo one > /proc/self/fd/40;"
                                         "echo two > /proc/self/fd/41;"
                                         "ls /proc/self/fd | wc -l"),
                                    out[1]);
  int low = dup2(b[1], 40), high = dup2(a[1], 41);
  spec.fds[0] = (struct launch_fd){high, 40};
  spec.fds[1] = (struct launch_fd){low, 41};
  spec.fd_count = 2;
  assert_int_equal(launch(&spec, &result), 0);
  assert_int_equal(wait_for(&result), 0);
  close(out[1]);
  assert_string_equal(slurp(a[0], true), "one\n");
  assert_string_equal(slurp(b[0], true), "two\n");
  assert_string_equal(slurp(out[0], false), "6\n"); /* 0 to 2, 40, 41, the directory */
  spec.fds[0].source = 999;
  spec.stdio[1] = LAUNCH_INHERIT;
  assert_int_equal(launch(&spec, &result), UV_EBADF);
  assert_string_equal(result.stage, "fds");
  close(low);
  close(high);
  close(out[0]);
  for (int i = 0; i < 2; i++) {
    close(a[i]);
    close(b[i]);
  }
}

/* A full fd table is an error, and over when it is not full. */
static void out_of_fds(void **state) {
  (void)state;
  int fds[64], count = 0;
  struct rlimit old, low;
  struct launch_result result;
  struct launch_spec spec = spec_of(ARGV("true"), LAUNCH_INHERIT);
  if (under_valgrind()) skip(); /* it asserts that a clone succeeds */
  getrlimit(RLIMIT_NOFILE, &old);
  low = (struct rlimit){32, old.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  while (count < 64 && (fds[count] = open("/dev/null", O_RDONLY)) >= 0) count++;
  int error = launch(&spec, &result);
  while (count > 0) close(fds[--count]);
  setrlimit(RLIMIT_NOFILE, &old);
  assert_int_equal(error, UV_EMFILE);
  assert_string_equal(result.stage, "clone");
  assert_int_equal(launch(&spec, &result), 0);
  assert_int_equal(wait_for(&result), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clean_slate),
      cmocka_unit_test(attributes),
      cmocka_unit_test(identity),
      cmocka_unit_test(missing_program),
      cmocka_unit_test(many_groups),
      cmocka_unit_test(no_right_to_drop),
      cmocka_unit_test(name_of_its_own),
      cmocka_unit_test(bad_directory),
      cmocka_unit_test(bad_stages),
      cmocka_unit_test(path_search),
      cmocka_unit_test(codes_are_the_programs),
      cmocka_unit_test(crossed_stdio),
      cmocka_unit_test(dies_with_host),
      cmocka_unit_test(leaks_nothing),
      cmocka_unit_test(out_of_fds),
      cmocka_unit_test(declared_fds),
  };
  return cmocka_run_group_tests(tests, directory_with_reporter, directory_leave);
}
