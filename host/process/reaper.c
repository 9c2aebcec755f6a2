/* SPDX-License-Identifier: Apache-2.0 */
/* Reaper: see reaper.h. Thread: loop. */
#include "process/reaper.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/kin.h"

enum { PATIENCE_MS = 60000, RETRY_MS = 1000, SOON_MS = 20, PATIENTS = 64 };

/* A zombie of our own session, and since when it has been seen. */
struct patient {
  pid_t pid;
  uint64_t since;
};

struct reaper {
  uv_signal_t signal;
  uv_check_t turn;  /* active from a signal to the end of a turn of the loop */
  uv_timer_t retry; /* active while patients wait, or strangers may */
  int open_handles;
  const struct nursery *nursery;
  struct patient patients[PATIENTS];
  size_t patient_count;
};

/* One look at all children: a list that changes while it is read may lack some, so there
 * is another as long as one finds something. */
struct round {
  struct reaper *reaper;
  unsigned count;
};

struct search {
  pid_t pid;
  bool found;
};

static void match_process(uv_handle_t *handle, void *arg) {
  struct search *search = arg;
  if (uv_handle_get_type(handle) != UV_PROCESS || uv_is_closing(handle)) return;
  if (uv_process_get_pid((uv_process_t *)handle) == search->pid) search->found = true;
}

static bool is_libuvs(const struct reaper *reaper, pid_t pid) {
  struct search search = {.pid = pid};
  uv_walk(reaper->signal.loop, match_process, &search);
  return search.found;
}

/* Has this zombie of our session waited long enough? With no room to remember it, yes. */
static bool is_out_of_patience(struct reaper *reaper, pid_t pid) {
  uint64_t now = uv_now(reaper->signal.loop);
  for (size_t i = 0; i < reaper->patient_count; i++)
    if (reaper->patients[i].pid == pid)
      return now - reaper->patients[i].since >= PATIENCE_MS;
  if (reaper->patient_count == PATIENTS) return true;
  reaper->patients[reaper->patient_count++] = (struct patient){pid, now};
  return false;
}

static void forget_the_waited_for(struct reaper *reaper) {
  size_t kept = 0;
  for (size_t i = 0; i < reaper->patient_count; i++)
    if (kin_is_zombie(reaper->patients[i].pid))
      reaper->patients[kept++] = reaper->patients[i];
  reaper->patient_count = kept;
}

static bool is_orphan(struct reaper *reaper, pid_t pid) {
  if (nursery_owns(reaper->nursery, pid) || !kin_is_zombie(pid)) return false;
  if (getsid(pid) == getsid(0) && !is_out_of_patience(reaper, pid)) return false;
  return !is_libuvs(reaper, pid);
}

static bool collect(struct reaper *reaper, pid_t pid) {
  siginfo_t info;
  if (!is_orphan(reaper, pid)) return false;
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | __WNOTHREAD) == 0;
}

/* Without that list, the peek shows one zombie at a time, and no more behind one that is
 * not ours to take. */
static unsigned sweep_by_peek(struct reaper *reaper) {
  unsigned count = 0;
  siginfo_t info = {0};
  int flags = WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD;
  while (waitid(P_ALL, 0, &info, flags) == 0 && info.si_pid &&
         collect(reaper, info.si_pid))
    count++;
  return count;
}

/* One of them, or 0. */
static pid_t some_zombie(void) {
  siginfo_t info = {0};
  int flags = WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD;
  return waitid(P_ALL, 0, &info, flags) == 0 ? info.si_pid : 0;
}

static bool collect_one(void *data, pid_t pid) {
  struct round *round = data;
  if (collect(round->reaper, pid)) round->count++;
  return true;
}

static unsigned sweep(struct reaper *reaper) {
  struct round round = {reaper, 0};
  return kin_each(collect_one, &round) < 0 ? sweep_by_peek(reaper) : round.count;
}

static void on_retry(uv_timer_t *retry) {
  uv_unref((uv_handle_t *)retry);
  reaper_sweep(retry->data);
}

unsigned reaper_sweep(struct reaper *reaper) {
  unsigned total = 0, count = some_zombie() != 0;
  forget_the_waited_for(reaper);
  while (count > 0) total += count = sweep(reaper);
  if (reaper->patient_count > 0) uv_timer_start(&reaper->retry, on_retry, RETRY_MS, 0);
  return total;
}

/* ---- one signal for many ----
 * libuv's handler makes three system calls for each SIGCHLD. What comes before its word has
 * reached the loop is noted, and makes one more signal when it has. */

static void (*handler_of_libuv)(int number);
static atomic_uint deaths; /* since the loop has heard of one */

static void on_death(int number) {
  if (atomic_fetch_add(&deaths, 1) == 0) handler_of_libuv(number);
}

static void come_before_libuv(void) {
  struct sigaction action;
  atomic_store(&deaths, 0);
  if (sigaction(SIGCHLD, NULL, &action) < 0 || action.sa_handler == on_death) return;
  handler_of_libuv = action.sa_handler;
  action.sa_handler = on_death;
  sigaction(SIGCHLD, &action, NULL);
}

static void note_heard(void) {
  if (atomic_exchange(&deaths, 0) > 1) raise(SIGCHLD);
}

/* Programs of the nursery that have just died may hide a stranger: all children are looked
 * at when their own have reaped them, or after a moment. While programs are left alone with
 * their death, so is everybody else, and no more is heard of any. */
static void on_turn(uv_check_t *turn) {
  struct reaper *reaper = turn->data;
  if (deathwatches_rest(nursery_watches(reaper->nursery))) return;
  uv_check_stop(turn);
  note_heard();
  if (!nursery_owns(reaper->nursery, some_zombie())) {
    reaper_sweep(reaper);
    return;
  }
  if (uv_is_active((uv_handle_t *)&reaper->retry) &&
      uv_timer_get_due_in(&reaper->retry) <= SOON_MS)
    return;
  uv_timer_start(&reaper->retry, on_retry, SOON_MS, 0);
  uv_ref((uv_handle_t *)&reaper->retry);
}

/* When many die at once, each is told of by itself: one look at all of them is enough. */
static void on_sigchld(uv_signal_t *signal, int number) {
  struct reaper *reaper = signal->data;
  (void)number;
  uv_check_start(&reaper->turn, on_turn);
}

struct reaper *reaper_new(uv_loop_t *loop, const struct nursery *nursery) {
  struct reaper *reaper = calloc(1, sizeof *reaper);
  if (!reaper || uv_signal_init(loop, &reaper->signal) < 0) {
    free(reaper);
    return NULL;
  }
  uv_check_init(loop, &reaper->turn);
  uv_timer_init(loop, &reaper->retry);
  reaper->open_handles = 3;
  reaper->nursery = nursery;
  reaper->signal.data = reaper->turn.data = reaper->retry.data = reaper;
  uv_signal_start(&reaper->signal, on_sigchld, SIGCHLD);
  come_before_libuv();
  uv_unref((uv_handle_t *)&reaper->signal);
  uv_unref((uv_handle_t *)&reaper->turn);
  uv_unref((uv_handle_t *)&reaper->retry);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  return reaper;
}

static void on_closed(uv_handle_t *handle) {
  struct reaper *reaper = handle->data;
  if (--reaper->open_handles == 0) free(reaper);
}

void reaper_free(struct reaper *reaper) {
  if (!reaper) return;
  uv_close((uv_handle_t *)&reaper->signal, on_closed);
  uv_close((uv_handle_t *)&reaper->turn, on_closed);
  uv_close((uv_handle_t *)&reaper->retry, on_closed);
}
