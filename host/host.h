/* SPDX-License-Identifier: Apache-2.0 */
/* Host: the process: its loop, its main Lua state, start and shutdown order.
 * There is one. Thread: the main thread. */
#pragma once
#include <stdbool.h>

struct host;

/* Sets up loop, state and runtime. Returns 0 or a libuv code. */
int host_new(struct host **out);

/* Runs luvisor.edge.cli with the command line, then the loop until nothing is left on it
 * or host.system.quit was called. Returns the exit code of the process. */
int host_run(struct host *host, int argc, char **argv);

/* Closes everything. False when something would not end, a request in a thread of libuv's
 * pool that blocks, or the thread of a guest: then the process has to be left as it is. */
bool host_free(struct host *host);
