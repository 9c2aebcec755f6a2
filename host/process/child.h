/* SPDX-License-Identifier: Apache-2.0 */
/* Child: one running program and its whole session, from launch until nobody of it lives.
 *
 * Members are who is in its session, and who has its mark (see mark.h) wherever they are.
 * It is RUNNING while the leader lives, LEFT while only other members do, EMPTY when all
 * are dead. The dead leader stays a zombie until EMPTY: an unreaped pid is not recycled,
 * so pid, group and session name ours and no stranger's for as long as they are used.
 * Emptiness is known without polling: a census finds a living member, a pidfd says when
 * that one dies, and the census is asked again.
 * Owns the pidfds and the zombie. Thread: loop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "process/launch.h"
#include "process/nursery.h"

struct child;

/* How the leader ended; code and signal are -1 where they do not apply, both when its
 * status was taken by somebody else. */
struct child_status {
  int code, signal;
  bool core;
};

/* Whom to tell; all are called from the loop, each once, `left` first and `empty` last.
 * Each may call child_close(). */
struct child_events {
  void (*left)(void *data, const struct child_status *status); /* the leader is dead */
  void (*outlived)(void *data); /* but others live; may be NULL */
  void (*empty)(void *data);    /* nobody lives */
  void *data;
};

/* Launches [spec] and returns owned a child in [out], or a negative libuv code, with the
 * stage in [result]. [nursery] is borrowed for the child's life. Thread: loop. */
int child_start(struct nursery *nursery, const struct launch_spec *spec,
                const struct child_events *events, struct child **out,
                struct launch_result *result);

/* Takes on a program that is running already, the leader of its session, and of which
 * everybody has [mark]; UV_ESRCH when [pid] is not that, or not any more. It is no child:
 * how it ends is not known, and a process is signalled only when a pidfd and the mark have
 * told for certain which it is. Thread: loop. */
int child_adopt(struct nursery *nursery, pid_t pid, const char *mark,
                const struct child_events *events, struct child **out);

/* The leader's pid, also when it is dead. Thread: loop. */
pid_t child_pid(const struct child *child);

/* Signals the leader; success when it is dead already. Thread: loop. */
int child_signal(struct child *child, int signal);

/* Signals everyone: the leader's group now; other groups of its session a tenth of a second
 * later, or from the next turn when the leader is dead. SIGKILL waits for nothing, and is
 * sticky: who turns up later gets it too. Success when nobody is there; UV_EPERM when none
 * may be signalled. Thread: loop. */
int child_signal_group(struct child *child, int signal);

/* Is that process a living member, as far as can be told? Thread: loop. */
bool child_has(const struct child *child, pid_t pid);

/* A question for its members to be put to the census: [query] is set but for whom to
 * tell. Whoever it finds is a member if child_has() says so. Thread: loop. */
struct census *child_members(const struct child *child, struct census_query *query);

/* Is nobody left? Thread: loop. */
bool child_is_empty(const struct child *child);

/* Gives the child up: no more events. A living leader is let run, and reaped when it
 * ends. Thread: loop. */
void child_close(struct child *child);
