/* SPDX-License-Identifier: Apache-2.0 */
/* Launch: start one program, with every attribute set before its first instruction.
 *
 * The child is a clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD) on a stack of its own: no
 * copy of the host's page tables, a pidfd without a race, and a failure comes back as the
 * exact stage and errno. A new program is always the leader of a new session and has fds
 * 0, 1, 2, those declared for it, and no others. Owns nothing between calls. Thread: loop (PDEATHSIG is bound to
 * the launching thread). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

enum {
  LAUNCH_INHERIT = -1,
  LAUNCH_LIMITS = RLIM_NLIMITS,
  LAUNCH_FDS = 16,
  LAUNCH_PID = 12 /* bytes of a pid as text */
};

struct launch_limit {
  int resource;
  struct rlimit value;
};

/* An fd of the host's that the program has as `target`, 3 or more. */
struct launch_fd {
  int source, target;
};

/* What to start. Everything is borrowed for the length of the call; launch_spec_init()
 * sets the defaults. */
struct launch_spec {
  /* looked up in the PATH of envp unless it holds a slash; NULL: argv[0] */
  const char *file;
  char *const *argv;
  char *const *envp; /* the whole environment */
  const char *cwd;   /* NULL: the host's */
  int stdio[3];      /* fds to become 0, 1 and 2, or LAUNCH_INHERIT */
  struct launch_fd fds[LAUNCH_FDS];
  size_t fd_count;
  const char *mark; /* in envp, of who belongs to it outside its session; or NULL */
  char *listen_pid; /* room in envp for the pid of the program, or NULL */
  const char *const *cgroups; /* paths of cgroup.procs, then NULL; or NULL */
  const char *oom_score;      /* decimal text for oom_score_adj, or NULL */
  struct launch_limit limits[LAUNCH_LIMITS];
  size_t limit_count;
  const gid_t *groups;
  size_t group_count;
  uid_t uid;
  gid_t gid;
  mode_t umask;
  int nice;
  bool has_uid, has_gid, has_groups, has_umask, has_nice;
  bool no_new_privs;
  bool die_with_host; /* SIGKILL when the host dies; best effort: one generation only */
};

/* What became of it. `stage` and `subject` are set on failure only and borrow from the
 * spec or are static. */
struct launch_result {
  pid_t pid;
  int pidfd;           /* owned by the caller, close-on-exec */
  const char *stage;   /* "execve", "chdir", "setuid", ... */
  const char *subject; /* the name that the stage failed on, or NULL */
};

/* Sets [spec] to: inherit everything, die with the host. Thread: any. */
void launch_spec_init(struct launch_spec *spec);

/* Starts [spec]; returns 0 with pid and pidfd, or a negative libuv code with the stage.
 * Blocks until the execve succeeded or a stage failed (about 50 us); a failed child has
 * been reaped. Thread: loop. */
int launch(const struct launch_spec *spec, struct launch_result *result);
