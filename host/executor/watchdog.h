/* SPDX-License-Identifier: Apache-2.0 */
/* Watchdog: one thread that looks at every runtime of the process, and interrupts what
 * does not come back to its loop.
 *
 * A runtime counts its entries into Lua (see interrupt.h). One that is inside of the same
 * entry at two looks in a row is sliced; one that has used up its time on the processor
 * there is cancelled, then killed. A thread that is blocked uses none, and is left alone.
 * While all runtimes are quiet the thread sleeps until the next entry wakes it. */
#pragma once
#include <stdint.h>

struct interrupt;
struct pulse;
struct watch;

/* How long an entry may take, in ns. */
struct watchdog_budget {
  uint64_t slice; /* then a task gives way, and goes on later */
  uint64_t stall; /* of processor time, then it is cancelled */
  uint64_t kill;  /* and so much later killed */
};

/* Begins to watch the calling thread, which owns the state of [interrupt]; [pulse], unless
 * NULL, is borrowed and told of callbacks that last too long. Returns 0 and what to end it
 * with, or a libuv code. Thread: owner. */
int watchdog_add(struct interrupt *interrupt, const struct watchdog_budget *budget,
                 struct pulse *pulse, struct watch **out);

/* Ends watching; the last one ends the thread. NULL is fine. Thread: owner. */
void watchdog_remove(struct watch *watch);

/* How often the thread has looked, in the whole process. Thread: any. */
uint64_t watchdog_looks(void);
