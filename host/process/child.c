/* SPDX-License-Identifier: Apache-2.0 */
/* Child: see child.h. Thread: loop. */
#include "process/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/deathwatch.h"
#include "process/mark.h"

enum state { RUNNING, LEFT, EMPTY };
enum { NOBODY = -1, UNSURE = -2 };

struct child {
  struct nursery_entry entry;
  struct nursery *nursery; /* NULL when it has closed */
  struct child_events events;
  struct census_query query;
  char *mark;               /* of everybody of it, or NULL */
  struct deathwatch *watch; /* of the leader, then of some living member */
  enum state state;
  uint64_t sending; /* signals that the asked census delivers to other groups */
  uint64_t pending; /* signals for the census after it */
  bool again;       /* the census must be asked once more */
  bool doomed;      /* SIGKILL was sent to everyone */
  bool outlived;    /* that was told */
  bool reaped;
  bool abandoned;  /* closed while the leader lives */
  bool adopted;    /* a stranger's child: nothing keeps its pid from being recycled */
  bool seen_alive; /* the present census found a living member */
  int member;      /* its pidfd, or -1 when there was no fd to spare */
};

/* A pid will do for want of a pidfd, where it cannot have been recycled. */
static int send_signal(int pidfd, pid_t pid, int signal) {
  long result = -1;
  errno = ENOSYS;
  if (pidfd >= 0) result = syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
  if (result < 0 && errno == ENOSYS) result = kill(pid, signal);
  return result == 0 || errno == ESRCH ? 0 : -errno;
}

static void reap(struct child *child) {
  siginfo_t info;
  if (child->reaped) return;
  waitid(P_PID, (id_t)child->entry.pid, &info, WEXITED | WNOHANG);
  child->reaped = true;
  if (child->nursery) nursery_remove(child->nursery, &child->entry);
}

static void unwatch(struct child *child) {
  deathwatch_free(child->watch);
  child->watch = NULL;
}

static void drop_member(struct child *child) {
  if (child->member >= 0) close(child->member);
  child->member = -1;
}

static void child_free(struct child *child) {
  if (child) free(child->mark);
  free(child);
}

static void release(struct nursery_entry *entry) {
  struct child *child = (struct child *)entry; /* its first member */
  unwatch(child);
  drop_member(child);
  census_forget(&child->query);
  child->nursery = NULL;
  child->state = EMPTY;
  child->reaped = true;
  if (child->abandoned) child_free(child);
}

/* A walk that has begun may have passed the members already, so it cannot answer. */
static void ask(struct child *child, uint64_t signals) {
  struct census *census = nursery_census(child->nursery);
  if (child->query.census && child->query.begun) {
    child->pending |= signals;
    child->again = true;
    return;
  }
  child->sending |= signals;
  if (child->state == RUNNING && !child->doomed)
    census_ask_later(census, &child->query); /* a leader that ends soon needs no walk */
  else
    census_ask(census, &child->query);
}

static void become_empty(struct child *child) {
  unwatch(child);
  reap(child);
  child->state = EMPTY;
  child->events.empty(child->events.data);
}

static void member_died(void *data) {
  struct child *child = data;
  unwatch(child);
  ask(child, 0);
}

/* Without an fd for the pidfd, or memory for its watch, only asking again is left. */
static void watch_member(struct child *child) {
  int error = UV_EMFILE, pidfd = child->member;
  child->member = -1;
  if (child->watch) {
    if (pidfd >= 0) close(pidfd);
    return;
  }
  if (pidfd >= 0)
    child->watch = deathwatch_new(nursery_watches(child->nursery), pidfd, member_died,
                                  child, &error);
  if (!child->watch) census_ask_later(nursery_census(child->nursery), &child->query);
}

/* A zombie whose parent lives counts through its parent; all others are the host's. */
static bool is_our_zombie(pid_t pid) {
  siginfo_t info = {0};
  int flags = WEXITED | WNOHANG | WNOWAIT;
  return waitid(P_PID, (id_t)pid, &info, flags) == 0 && info.si_pid == pid;
}

static bool is_in_session(const struct child *child, pid_t pid) {
  return !child->adopted && getsid(pid) == child->entry.pid;
}

/* Returns 0 for a member, NOBODY, or UNSURE when there is no telling now. */
static int check_member(const struct child *child, pid_t pid) {
  char mark[MARK_SIZE];
  if (is_in_session(child, pid)) return 0;
  if (!child->mark) return NOBODY;
  int error = mark_read(pid, mark);
  if (!error) return strcmp(mark, child->mark) == 0 ? 0 : NOBODY;
  return error == UV_ENOENT || error == UV_EACCES ? NOBODY : UNSURE;
}

/* A pidfd names one process for ever; if the pid still has our session after it was
 * opened, or our mark, and is not dead, it is a member. Returns it, or one of the above;
 * UNSURE is also one that there was no fd for. */
static int open_member(const struct child *child, pid_t pid) {
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0 && (errno == ESRCH || is_our_zombie(pid))) return NOBODY;
  int found = check_member(child, pid);
  if (pidfd < 0) return found == NOBODY ? NOBODY : UNSURE;
  struct pollfd dead = {.fd = pidfd, .events = POLLIN};
  if (found == 0 && poll(&dead, 1, 0) == 0) return pidfd;
  close(pidfd);
  return found == UNSURE ? UNSURE : NOBODY;
}

/* Without a pidfd only the session tells that a pid is not a stranger's. */
static void deliver(const struct child *child, pid_t pid, int pidfd) {
  if (pidfd < 0 && !is_in_session(child, pid)) return;
  bool reached = !child->adopted && getpgid(pid) == child->entry.pid; /* by kill() */
  for (int sig = 1; sig <= 64 && !reached; sig++)
    if (child->sending >> (sig - 1) & 1) send_signal(pidfd, pid, sig);
  if (child->doomed) send_signal(pidfd, pid, SIGKILL);
}

static void on_found(struct census_query *query, pid_t pid) {
  struct child *child = query->data;
  if (pid == child->entry.pid && (!child->adopted || child->state == RUNNING)) return;
  int pidfd = open_member(child, pid);
  if (pidfd == NOBODY) return;
  child->seen_alive = true;
  deliver(child, pid, pidfd);
  if (child->member < 0 && child->state == LEFT)
    child->member = pidfd;
  else if (pidfd >= 0)
    close(pidfd);
}

/* Where /proc cannot be read, the group is all that can be asked about; a zombie counts
 * as a member there, so the leader has to go first. */
static bool group_lives(struct child *child) {
  reap(child);
  if (child->adopted) return false;
  return kill(-child->entry.pid, 0) == 0 || errno != ESRCH;
}

static void on_counted(struct census_query *query, int error) {
  struct child *child = query->data;
  bool alive = child->seen_alive;
  child->seen_alive = false;
  child->sending = child->pending;
  child->pending = 0;
  if (child->again) {
    child->again = false;
    drop_member(child);
    ask(child, 0);
    return;
  }
  if (child->state == RUNNING) return;
  if (error == UV_EAGAIN) alive = true; /* nobody knows: it is asked again */
  if (error && error != UV_EAGAIN) alive = group_lives(child);
  if (!alive) return become_empty(child);
  watch_member(child);
  if (child->outlived) return;
  child->outlived = true;
  if (child->events.outlived) child->events.outlived(child->events.data);
}

static bool read_status(struct child *child, struct child_status *status) {
  siginfo_t info = {0};
  *status = (struct child_status){.code = -1, .signal = -1};
  id_t pid = (id_t)child->entry.pid;
  if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return errno == ECHILD;
  if (info.si_pid == 0) return false;
  if (info.si_code == CLD_EXITED)
    status->code = info.si_status;
  else
    status->signal = info.si_status;
  status->core = info.si_code == CLD_DUMPED;
  return true;
}

static void leader_died(void *data) {
  struct child *child = data;
  struct child_status status;
  if (!read_status(child, &status)) return;
  unwatch(child);
  if (child->abandoned) {
    reap(child);
    child_free(child);
    return;
  }
  child->state = LEFT;
  child->query.headless = true;
  ask(child, 0);
  child->events.left(child->events.data, &status);
}

static struct child *child_new(struct nursery *nursery, const char *mark,
                               const struct child_events *events) {
  struct child *child = calloc(1, sizeof *child);
  if (!child) return NULL;
  if (mark && !(child->mark = strdup(mark))) {
    free(child);
    return NULL;
  }
  child->nursery = nursery;
  child->events = *events;
  child->member = -1;
  child->entry.release = release;
  child->query = (struct census_query){
      .mark = child->mark, .found = on_found, .done = on_counted, .data = child};
  return child;
}

static void child_begin(struct child *child, pid_t pid) {
  child->entry.pid = child->query.sid = pid;
  nursery_add(child->nursery, &child->entry);
}

/* A program that nobody would watch may not run; the reaper takes what is left of it. */
static void undo_launch(struct launch_result *result) {
  kill(-result->pid, SIGKILL);
  result->stage = "watch";
}

int child_start(struct nursery *nursery, const struct launch_spec *spec,
                const struct child_events *events, struct child **out,
                struct launch_result *result) {
  struct child *child = child_new(nursery, spec->mark, events);
  *result = (struct launch_result){.pid = -1, .pidfd = -1, .stage = "clone"};
  int error = child ? launch(spec, result) : UV_ENOMEM;
  if (error) goto fail;
  child->watch =
      deathwatch_new(nursery_watches(nursery), result->pidfd, leader_died, child, &error);
  result->pidfd = -1;
  if (error) {
    undo_launch(result);
    goto fail;
  }
  child_begin(child, result->pid);
  *out = child;
  return 0;
fail:
  child_free(child);
  return error;
}

/* Opened before it is looked at: what the pidfd names cannot become somebody else. */
static int open_leader(const struct child *child, pid_t pid) {
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return -errno;
  struct pollfd dead = {.fd = pidfd, .events = POLLIN};
  if (getsid(pid) == pid && check_member(child, pid) == 0 && poll(&dead, 1, 0) == 0)
    return pidfd;
  close(pidfd);
  return UV_ESRCH;
}

int child_adopt(struct nursery *nursery, pid_t pid, const char *mark,
                const struct child_events *events, struct child **out) {
  struct child *child = child_new(nursery, mark, events);
  if (!child) return UV_ENOMEM;
  child->adopted = child->query.far = true;
  int pidfd = open_leader(child, pid), error = pidfd < 0 ? pidfd : 0;
  if (!error)
    child->watch =
        deathwatch_new(nursery_watches(nursery), pidfd, leader_died, child, &error);
  if (error) {
    child_free(child);
    return error;
  }
  child_begin(child, pid);
  *out = child;
  return 0;
}

pid_t child_pid(const struct child *child) {
  return child->entry.pid;
}

int child_signal(struct child *child, int signal) {
  if (child->state != RUNNING) return 0;
  return send_signal(deathwatch_pidfd(child->watch), child->entry.pid, signal);
}

int child_signal_group(struct child *child, int signal) {
  if (child->state == EMPTY) return 0;
  if (signal == SIGKILL) child->doomed = true;
  if (signal > 0 && signal != SIGCONT)
    deathwatches_expect(nursery_watches(child->nursery));
  int error = 0;
  if (child->adopted)
    error = child_signal(child, signal);
  else if (kill(-child->entry.pid, signal) < 0 && errno != ESRCH)
    error = -errno;
  if (signal > 0 && error != UV_EINVAL) ask(child, UINT64_C(1) << (signal - 1));
  return error;
}

bool child_has(const struct child *child, pid_t pid) {
  int pidfd = child->state == EMPTY ? NOBODY : open_member(child, pid);
  if (pidfd >= 0) close(pidfd);
  return pidfd != NOBODY;
}

struct census *child_members(const struct child *child, struct census_query *query) {
  query->sid = child->query.sid;
  query->mark = child->mark;
  query->far = child->query.far;
  return nursery_census(child->nursery);
}

bool child_is_empty(const struct child *child) {
  return child->state == EMPTY;
}

void child_close(struct child *child) {
  drop_member(child);
  census_forget(&child->query);
  if (child->state == RUNNING) {
    child->abandoned = true;
    return;
  }
  unwatch(child);
  reap(child);
  child_free(child);
}
