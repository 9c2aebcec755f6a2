/* SPDX-License-Identifier: Apache-2.0 */
/* Launch: see launch.h. The functions marked IN_CHILD run in the child, which shares the
 * host's memory while the launching thread waits: raw system calls only, no allocation,
 * no lock, nothing of glibc that would speak to the other threads (its setuid() and
 * setrlimit() do). Thread: loop. */
#include "process/launch.h"

#include "base/files.h"
#include "process/launch_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The sanitizers keep per-thread state that a child which never returns would leave
 * unbalanced. */
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

#ifdef __SANITIZE_THREAD__ /* takes a clone() for a fork and loses signals after it */
extern int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

enum { STACK_SIZE = 64 * 1024, KERNEL_SIGNALS = 64 };

enum stage {
  STAGE_CLONE,
  STAGE_SETSID,
  STAGE_CGROUP,
  STAGE_OOM,
  STAGE_LIMITS,
  STAGE_NICE,
  STAGE_UMASK,
  STAGE_STDIO,
  STAGE_CLOSE,
  STAGE_FDS,
  STAGE_CHDIR,
  STAGE_GROUPS,
  STAGE_GID,
  STAGE_UID,
  STAGE_PDEATHSIG,
  STAGE_PRIVS,
  STAGE_SIGNALS,
  STAGE_EXEC,
  STAGE_COUNT
};

static const char *const stage_names[STAGE_COUNT] = {
    [STAGE_CLONE] = "clone",         [STAGE_SETSID] = "setsid",
    [STAGE_CGROUP] = "cgroup",       [STAGE_OOM] = "oom_score_adj",
    [STAGE_LIMITS] = "setrlimit",    [STAGE_NICE] = "nice",
    [STAGE_UMASK] = "umask",         [STAGE_STDIO] = "dup2",
    [STAGE_CLOSE] = "close_range",   [STAGE_FDS] = "fds",
    [STAGE_CHDIR] = "chdir",         [STAGE_GROUPS] = "setgroups",
    [STAGE_GID] = "setgid",          [STAGE_UID] = "setuid",
    [STAGE_PDEATHSIG] = "pdeathsig", [STAGE_PRIVS] = "no_new_privs",
    [STAGE_SIGNALS] = "sigaction",   [STAGE_EXEC] = "execve",
};

/* One launch, at the bottom of the child's stack mapping. The mapping is shared, so that
 * the report also arrives where CLONE_VM is only pretended (valgrind). */
struct job {
  const struct launch_spec *spec;
  const char *candidates;
  const char *cgroup; /* that is being entered */
  gid_t *groups;      /* room for those that are read back */
  pid_t host;
  int error;
  enum stage stage;
};

#define CALL(...) ((int)syscall(__VA_ARGS__) < 0 ? -errno : 0)

IN_CHILD static int enter_session(struct job *job) {
  (void)job;
  return CALL(SYS_setsid);
}

IN_CHILD static int write_file(const char *path, const char *text) {
  size_t len = 0;
  while (text[len]) len++;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int error = CALL(SYS_write, fd, text, len);
  syscall(SYS_close, fd);
  return error;
}

IN_CHILD static int enter_cgroup(struct job *job) {
  const char *const *at = job->spec->cgroups;
  for (int error; at && *at; at++) {
    job->cgroup = *at;
    if ((error = write_file(*at, "0")) != 0) return error;
  }
  return 0;
}

IN_CHILD static int set_oom_score(struct job *job) {
  if (!job->spec->oom_score) return 0;
  return write_file("/proc/self/oom_score_adj", job->spec->oom_score);
}

IN_CHILD static int set_limits(struct job *job) {
  for (size_t i = 0; i < job->spec->limit_count; i++) {
    const struct launch_limit *limit = &job->spec->limits[i];
    int error = CALL(SYS_prlimit64, 0, limit->resource, &limit->value, NULL);
    if (error) return error;
  }
  return 0;
}

IN_CHILD static int set_nice(struct job *job) {
  return job->spec->has_nice ? CALL(SYS_setpriority, PRIO_PROCESS, 0, job->spec->nice)
                             : 0;
}

IN_CHILD static int set_umask(struct job *job) {
  if (job->spec->has_umask) syscall(SYS_umask, job->spec->umask);
  return 0;
}

/* Moves a source that lies on somebody else's target out of the way. */
IN_CHILD static int clear_of_stdio(int fd, int target) {
  if (fd > 2 || fd == target) return fd;
  int moved = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
  return moved < 0 ? -errno : moved;
}

IN_CHILD static int place(int fd, int target) {
  if (fd != target) return CALL(SYS_dup3, fd, target, 0);
  return CALL(SYS_fcntl, fd, F_SETFD, 0);
}

IN_CHILD static int place_stdio(struct job *job) {
  int source[3];
  for (int i = 0; i < 3; i++) {
    int fd = job->spec->stdio[i];
    source[i] = fd == LAUNCH_INHERIT ? i : clear_of_stdio(fd, i);
    if (source[i] < 0) return source[i];
  }
  for (int i = 0; i < 3; i++) {
    int error = place(source[i], i);
    if (error && job->spec->stdio[i] != LAUNCH_INHERIT) return error;
  }
  return 0;
}

IN_CHILD static int close_others(struct job *job) {
  (void)job;
  return CALL(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* Only the child knows it, and only now. */
IN_CHILD static void write_pid(char *text) {
  char digits[LAUNCH_PID];
  int count = 0;
  for (long pid = syscall(SYS_getpid); pid > 0; pid /= 10)
    digits[count++] = (char)('0' + pid % 10);
  while (count > 0) *text++ = digits[--count];
  *text = '\0';
}

/* Each is copied to above all targets first, for it may lie where another belongs. */
IN_CHILD static int place_fds(struct job *job) {
  const struct launch_fd *fds = job->spec->fds;
  int copies[LAUNCH_FDS], above = 3;
  for (size_t i = 0; i < job->spec->fd_count; i++)
    if (fds[i].target >= above) above = fds[i].target + 1;
  for (size_t i = 0; i < job->spec->fd_count; i++) {
    copies[i] = (int)syscall(SYS_fcntl, fds[i].source, F_DUPFD_CLOEXEC, above);
    if (copies[i] < 0) return -errno;
  }
  for (size_t i = 0; i < job->spec->fd_count; i++) {
    int error = CALL(SYS_dup3, copies[i], fds[i].target, 0);
    if (error) return error;
  }
  if (job->spec->listen_pid) write_pid(job->spec->listen_pid);
  return 0;
}

IN_CHILD static int enter_cwd(struct job *job) {
  return job->spec->cwd ? CALL(SYS_chdir, job->spec->cwd) : 0;
}

IN_CHILD static bool holds(const gid_t *groups, size_t count, gid_t wanted) {
  for (size_t i = 0; i < count; i++)
    if (groups[i] == wanted) return true;
  return false;
}

/* What was set is read back: fewer groups may deny, more may allow. */
IN_CHILD static int set_groups(struct job *job) {
  const struct launch_spec *spec = job->spec;
  if (!spec->has_groups && !spec->has_gid && !spec->has_uid) return 0;
  size_t count = spec->has_groups ? spec->group_count : 0;
  int error = CALL(SYS_setgroups, count, spec->groups);
  if (error) return error;
  long now = syscall(SYS_getgroups, 0, NULL);
  if (now < 0) return -errno;
  if ((size_t)now != count) return -EPERM;
  if (syscall(SYS_getgroups, count, job->groups) < 0) return -errno;
  for (size_t i = 0; i < count; i++)
    if (!holds(job->groups, count, spec->groups[i])) return -EPERM;
  return 0;
}

IN_CHILD static int set_gid(struct job *job) {
  gid_t gid = job->spec->gid, now[3];
  if (!job->spec->has_gid) return 0;
  int error = CALL(SYS_setresgid, gid, gid, gid);
  if (!error) error = CALL(SYS_getresgid, &now[0], &now[1], &now[2]);
  if (error) return error;
  return now[0] == gid && now[1] == gid && now[2] == gid ? 0 : -EPERM;
}

IN_CHILD static int set_uid(struct job *job) {
  uid_t uid = job->spec->uid, now[3];
  if (!job->spec->has_uid) return 0;
  int error = CALL(SYS_setresuid, uid, uid, uid);
  if (!error) error = CALL(SYS_getresuid, &now[0], &now[1], &now[2]);
  if (error) return error;
  return now[0] == uid && now[1] == uid && now[2] == uid ? 0 : -EPERM;
}

/* After setuid, which clears it; then the host may have died before it was set. */
IN_CHILD static int bind_to_host(struct job *job) {
  if (!job->spec->die_with_host) return 0;
  int error = CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (error) return error;
  return (pid_t)syscall(SYS_getppid) == job->host ? 0 : -ESRCH;
}

IN_CHILD static int drop_privs(struct job *job) {
  return job->spec->no_new_privs ? CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

/* The kernel's own struct sigaction, all zero: SIG_DFL. */
IN_CHILD static int reset_signals(struct job *job) {
  uint64_t action[4] = {0}, mask = 0;
  (void)job;
  for (int sig = 1; sig <= KERNEL_SIGNALS; sig++)
    if (sig != SIGKILL && sig != SIGSTOP)
      syscall(SYS_rt_sigaction, sig, action, NULL, sizeof mask);
  return CALL(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

IN_CHILD static bool is_elsewhere(int error) {
  return error == ENOENT || error == ENOTDIR || error == ESTALE || error == ENODEV ||
         error == ETIMEDOUT || error == EACCES;
}

/* Tries the candidates as execvp does: one that may not be run is remembered, but a later
 * one may do. */
IN_CHILD static int execute(struct job *job) {
  int error = -ENOENT;
  for (const char *path = job->candidates; *path; path++) {
    syscall(SYS_execve, path, job->spec->argv, job->spec->envp);
    if (!is_elsewhere(errno)) return -errno;
    if (errno == EACCES) error = -EACCES;
    while (*path) path++;
  }
  return error;
}

static int (*const steps[STAGE_COUNT])(struct job *) = {
    [STAGE_SETSID] = enter_session, [STAGE_CGROUP] = enter_cgroup,
    [STAGE_OOM] = set_oom_score,    [STAGE_LIMITS] = set_limits,
    [STAGE_NICE] = set_nice,        [STAGE_UMASK] = set_umask,
    [STAGE_STDIO] = place_stdio,    [STAGE_CLOSE] = close_others,
    [STAGE_FDS] = place_fds,        [STAGE_CHDIR] = enter_cwd,
    [STAGE_GROUPS] = set_groups,    [STAGE_GID] = set_gid,
    [STAGE_UID] = set_uid,          [STAGE_PDEATHSIG] = bind_to_host,
    [STAGE_PRIVS] = drop_privs,     [STAGE_SIGNALS] = reset_signals,
    [STAGE_EXEC] = execute,
};

IN_CHILD static int child_main(void *arg) {
  struct job *job = arg;
  for (int stage = STAGE_SETSID; stage < STAGE_COUNT; stage++) {
    int error = steps[stage](job);
    if (error == 0) continue;
    job->stage = (enum stage)stage;
    job->error = error;
    break;
  }
  syscall(SYS_exit_group, 127);
  return 0;
}

void launch_spec_init(struct launch_spec *spec) {
  *spec = (struct launch_spec){.stdio = {LAUNCH_INHERIT, LAUNCH_INHERIT, LAUNCH_INHERIT},
                               .die_with_host = true,
                               .limits = {{RLIMIT_NOFILE, files_first_limit()}},
                               .limit_count = 1};
}

static void *_Atomic spare; /* a mapping for the next launch */

static struct job *job_new(const struct launch_spec *spec) {
  struct job *job = atomic_exchange(&spare, NULL);
  if (!job)
    job = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (job == MAP_FAILED) return NULL;
  *job = (struct job){.spec = spec, .host = getpid()};
  return job;
}

static void job_free(struct job *job) {
  free(job->groups);
  free((char *)job->candidates);
  job = atomic_exchange(&spare, job);
  if (job) munmap(job, STACK_SIZE);
}

static const char *file_of(const struct launch_spec *spec) {
  return spec->file ? spec->file : spec->argv[0];
}

static int job_prepare(struct job *job) {
  const struct launch_spec *spec = job->spec;
  job->candidates = launch_path_candidates(file_of(spec), spec->envp);
  job->groups = calloc(spec->group_count + 1, sizeof *job->groups);
  return job->candidates && job->groups ? 0 : -ENOMEM;
}

/* All signals stay blocked across the clone: a handler of the host must never run in the
 * child. */
static int job_clone(struct job *job, struct launch_result *result) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  result->pid =
      clone(child_main, (char *)job + STACK_SIZE,
            CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, job, &result->pidfd);
  int error = result->pid < 0 ? -errno : 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return error;
}

static void reap_failed(struct launch_result *result) {
  siginfo_t info;
  while (waitid(P_PIDFD, (id_t)result->pidfd, &info, WEXITED) < 0 && errno == EINTR)
    continue;
  close(result->pidfd);
  result->pidfd = -1;
}

static const char *subject_of(const struct job *job) {
  switch (job->stage) {
    case STAGE_EXEC: return file_of(job->spec);
    case STAGE_CHDIR: return job->spec->cwd;
    case STAGE_CGROUP: return job->cgroup;
    default: return NULL;
  }
}

int launch(const struct launch_spec *spec, struct launch_result *result) {
  *result = (struct launch_result){.pid = -1, .pidfd = -1, .stage = "clone"};
  struct job *job = job_new(spec);
  if (!job) return -ENOMEM;
  int error = job_prepare(job);
  if (!error) error = job_clone(job, result);
  if (!error && job->error) {
    error = job->error;
    reap_failed(result);
  }
  result->stage = error ? stage_names[job->stage] : NULL;
  result->subject = error ? subject_of(job) : NULL;
  job_free(job);
  return error;
}
