/* SPDX-License-Identifier: Apache-2.0 */
/* Deathwatch: pidfds on the loop, each told of once its process is dead.
 *
 * All are in one epoll set of their own, which is one descriptor to the loop: so a watch is
 * small, and they can all be left alone together. When many processes have been told to
 * end, the machine has enough to do with that: who tells each of them expects its death,
 * and where many are expected the first that comes is followed by a rest, in which nobody
 * is looked after.
 * Owns the pidfds. Thread: loop. */
#pragma once
#include <stdbool.h>
#include <uv.h>

struct deathwatches;
struct deathwatch;

/* Returns owned a set on [loop], NULL when out of memory. Thread: loop. */
struct deathwatches *deathwatches_new(uv_loop_t *loop);

/* A process has just been told to end. Thread: loop. */
void deathwatches_expect(struct deathwatches *watches);

/* Is it that nobody is looked after for the moment? Thread: loop. */
bool deathwatches_rest(const struct deathwatches *watches);

/* Takes it down, when it has no watch any more; the memory goes when the loop has closed
 * its handles. Thread: loop. */
void deathwatches_free(struct deathwatches *watches);

/* Returns owned a watch on [pidfd], which it takes even on failure (NULL, [error] set).
 * [dead] is called at each turn while the process is dead and the watch is open.
 * Thread: loop. */
struct deathwatch *deathwatch_new(struct deathwatches *watches, int pidfd,
                                  void (*dead)(void *data), void *data, int *error);

/* The pidfd, borrowed. Thread: loop. */
int deathwatch_pidfd(const struct deathwatch *watch);

/* Takes it down and closes the pidfd; NULL is fine. Thread: loop. */
void deathwatch_free(struct deathwatch *watch);
