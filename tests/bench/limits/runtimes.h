/* SPDX-License-Identifier: Apache-2.0 */
/* Runtimes: the least that Lua states on threads or in processes of their own take, and
 * the shortest way there and back, asked in the order of ../luvisor/runtimes.lua. There are
 * no loops, no codec and nobody who looks on. Thread: one. */
#pragma once
#include <stddef.h>

/* What is there to be measured, in seconds. */
struct runtimes {
  double start; /* of many at once, until all have answered: of each */
  double again; /* of one that has just ended, beside the others at rest: the median */
  double trip;  /* there and back, the mean */
};

/* Starts [count] on threads, has [samples] round trips with the first, and ends all. */
struct runtimes runtimes_thread(size_t count, size_t samples);

/* The same in other processes, which run this program. */
struct runtimes runtimes_process(size_t count, size_t samples);

/* What such a process does. */
void runtimes_echo(void);
