/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime: a Lua state, a loop and the scheduler of coroutines between them.
 *
 * One timerfd on the loop stands for all deadlines. Work is done before the loop polls and
 * after it has polled: expired deadlines, then ready tasks and posted calls in turn, within
 * a budget, so that I/O is served however busy the tasks are. Owns clocks, wheels, tasks.
 * Thread: the one that runs the loop. */
#pragma once
#include <lua.h>
#include <stdint.h>

#include "base/schedule.h"
#include "executor/task.h"

struct runtime;
struct vm;
struct watchdog_budget;

/* Attaches a new runtime to the vm and its loop; its wheels have 2^[near_bits] near slots.
 * Returns 0 or a libuv code. */
int runtime_new(struct vm *vm, unsigned near_bits, struct runtime **out);

/* Closes the handles; the loop must then be run until they are gone. */
void runtime_close(struct runtime *runtime);

/* Frees a closed runtime; the state is still open or already closed. */
void runtime_free(struct runtime *runtime);

/* Pieces of the runtime, borrowed. */
struct schedule *runtime_schedule(struct runtime *runtime);
struct tasks *runtime_tasks(struct runtime *runtime);

/* Queues a call: function and three arguments on top of L, which it pops. It is made from
 * the loop, outside of every coroutine, in the order of posting. */
void runtime_post(struct runtime *runtime, lua_State *L);

/* Has the loop make a round without sleeping: something was queued from outside of it. */
void runtime_kick(struct runtime *runtime);

/* Has the watchdog look after this runtime, within these budgets. Returns 0 or a libuv
 * code. Closing it ends that. */
int runtime_watch(struct runtime *runtime, const struct watchdog_budget *budget);
void runtime_unwatch(struct runtime *runtime);

/* Makes the clock stand still (for tests): it then moves only by runtime_step. */
void runtime_set_manual(struct runtime *runtime);

/* Moves a manual clock forward by [ns], through every deadline on the way. */
void runtime_step(struct runtime *runtime, uint64_t ns);
