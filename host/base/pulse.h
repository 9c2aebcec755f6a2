/* SPDX-License-Identifier: Apache-2.0 */
/* Pulse: by when the turn that a guest is in has to end or beat, for its host to see.
 *
 * A guest that computes in Lua finds its own late workers; one that sits in a call of C
 * cannot, and neither says so nor takes messages. It keeps this word up to date instead,
 * with a store at each turn and beat, in memory that both have. A callback outside of all
 * turns has no limit of its own: the watchdog says when one has lasted too long. The guest
 * writes, the host reads. Thread: any. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

struct pulse {
  atomic_uint_least64_t due;     /* monotonic ns, 0 between two turns and for no limit */
  atomic_uint turn;              /* which turn it is about */
  atomic_uint limit;             /* enum limit */
  atomic_uint_least64_t stalled; /* since when a callback is overdue, or 0 */
};

/* Makes memory for one that can be passed to another process: returns an owned fd, to be
 * closed on exec, or a negative libuv code. */
int pulse_create(void);

/* Maps the memory of such an fd, which stays the caller's. NULL on failure. */
struct pulse *pulse_map(int fd);
void pulse_unmap(struct pulse *pulse);

enum { PULSE_STALL = 255 }; /* in place of a limit: a callback */

/* How many ns it is late, 0 when it is not; with the turn and the limit that it is about. */
uint64_t pulse_late(const struct pulse *pulse, unsigned *turn, unsigned *limit);
