/* SPDX-License-Identifier: Apache-2.0 */
/* Deathwatch: a pidfd on the loop, told once when its process is dead.
 * Owns the pidfd. Thread: loop. */
#pragma once
#include <uv.h>

struct deathwatch;

/* Returns owned a watch on [pidfd], which it takes even on failure (NULL, [error] set).
 * [dead] is called at each turn while the process is dead and the watch is open.
 * Thread: loop. */
struct deathwatch *deathwatch_new(uv_loop_t *loop, int pidfd, void (*dead)(void *data),
                                  void *data, int *error);

/* The pidfd, borrowed. Thread: loop. */
int deathwatch_pidfd(const struct deathwatch *watch);

/* Takes it down and closes the pidfd; NULL is fine. Thread: loop. */
void deathwatch_free(struct deathwatch *watch);
