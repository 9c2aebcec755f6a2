/* SPDX-License-Identifier: Apache-2.0 */
/* Reaper: collects the orphans that the host inherits as a subreaper (or as PID 1).
 *
 * Somebody in the process waits for every other kind of child, and must find it:
 * - a program of the nursery is peeked at and reaped by its child;
 * - children that another thread started (uv.spawn on its own loop, os.execute, popen)
 *   stay that thread's, and the kernel hands orphans to the main thread only: the reaper
 *   looks at the main thread's children and no others;
 * - a uv_process_t of this loop is libuv's; uv_walk() knows them all;
 * - io.popen and posix_spawn on the main thread leave no trace to ask for, but share the
 *   host's session, which no program of ours does. Such a zombie has a minute to be
 *   waited for before it counts as an orphan.
 * All other zombies are orphans. Nothing here waits for "any" child.
 * Owns a signal handle, a check handle and a timer, none of which keeps the loop alive but
 * for a moment.
 * Thread: loop, which must be the main thread's. */
#pragma once
#include <uv.h>

#include "process/nursery.h"

struct reaper;

/* Makes the process a subreaper and returns owned a reaper at work on [loop], or NULL
 * when out of memory or handles; [nursery] is borrowed. Thread: loop. */
struct reaper *reaper_new(uv_loop_t *loop, const struct nursery *nursery);

/* Looks now; returns how many orphans it collected. Thread: loop. */
unsigned reaper_sweep(struct reaper *reaper);

/* Takes it down; NULL is fine. Thread: loop. */
void reaper_free(struct reaper *reaper);
