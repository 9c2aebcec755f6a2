/* SPDX-License-Identifier: Apache-2.0 */
/* Kin: the children of the main thread: the programs that it has launched, and the orphans
 * that the kernel has handed to it. Thread: main. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* Whether somebody of the host waits for a child of that pid. */
struct kin_owner {
  bool (*owns)(const void *data, pid_t pid);
  const void *data;
};

/* Calls [each] for every child, zombies too, until it returns false. One that comes or
 * goes meanwhile may be left out, and others with it. Returns 0, or a negative libuv code
 * when there is no telling. */
int kin_each(bool (*each)(void *data, pid_t pid), void *data);

/* Is it a child that has ended, and that nobody has waited for? */
bool kin_is_zombie(pid_t pid);

/* Do orphans come to this process, as a subreaper or PID 1? */
bool kin_inherits(void);

/* Is there a living orphan: a child that nobody owns, in a session that is not the host's?
 * Whoever of a program has got away from its session is one, or descends from one, as soon
 * as the program is dead. True when there is no telling. */
bool kin_has_orphans(const struct kin_owner *owner);

/* Fills [pids] with up to [room] living orphans; how many, or a negative libuv code. */
int kin_orphans(const struct kin_owner *owner, pid_t *pids, size_t room);
