/* SPDX-License-Identifier: Apache-2.0 */
/* Runtime: a Lua state, a loop and the scheduler of coroutines between them.
 *
 * One timerfd on the loop stands for all deadlines. Work is done before the loop polls and
 * after it has polled: expired deadlines, then ready tasks and posted calls in turn, within
 * a budget, so that I/O is served however busy the tasks are. As long as nothing needs a
 * loop there is none: a guest on a thread then waits at its door, which is the link to who
 * started it. That is half of what its start takes, five descriptors, and memory that grows
 * with the highest of them. Owns clocks, wheels, tasks and the loop.
 * Thread: the one that runs it. */
#pragma once
#include <lua.h>
#include <stdint.h>

#include "base/schedule.h"
#include "executor/task.h"

struct runtime;
struct uv_loop_s;
struct vm;
struct watchdog_budget;

/* Attaches a new runtime to the vm; its wheels have 2^[near_bits] near slots. Returns 0 or
 * a libuv code. */
int runtime_new(struct vm *vm, unsigned near_bits, struct runtime **out);

/* Where a runtime waits while it has no loop. */
struct runtime_door {
  void (*await)(void *data, uint64_t until); /* for what comes, until that real ns */
  int (*attach)(void *data, struct uv_loop_s *loop); /* from now on it waits there */
  void *data;
};

/* Copies the door; NULL for none. */
void runtime_set_door(struct runtime *runtime, const struct runtime_door *door);

/* Opens the loop unless that was done. Returns 0 or a libuv code. */
int runtime_open_loop(struct runtime *runtime);

/* The loop, borrowed; NULL while there is none. */
struct uv_loop_s *runtime_loop(struct runtime *runtime);

/* Runs until nothing is left on the loop or it was stopped. */
void runtime_run(struct runtime *runtime);

/* Ends that after this turn. */
void runtime_stop(struct runtime *runtime);

/* Closes the handles; the loop, if there is one, must then be run until they are gone. */
void runtime_close(struct runtime *runtime);

/* Frees a closed runtime and its loop, on which nothing is left; the state is still open or
 * already closed. */
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
