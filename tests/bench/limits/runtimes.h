/* SPDX-License-Identifier: Apache-2.0 */
/* Runtimes: the least that a Lua state on a thread or in a process of its own takes, and
 * the shortest way there and back. There are no loops, no codec and nobody who looks on.
 * Thread: one. */
#pragma once

/* What is there to be measured. */
struct runtimes {
  double start; /* seconds from the beginning to its first sign of life */
  double trip;  /* seconds there and back, the mean of [samples] */
};

/* Starts one on a thread, has [samples] round trips, and ends it. */
struct runtimes runtimes_thread(unsigned long samples);

/* The same in another process, which runs this program. */
struct runtimes runtimes_process(unsigned long samples);

/* What that process does. */
void runtimes_echo(void);
