/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: the least that a supervised Lua worker takes: a record, a coroutine, a place in
 * a wheel, and a policy in Lua that is asked when it has crashed. There are no state
 * machines, no names, no log, no events and no order among them. Thread: one. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets up [count] workers that are not started yet, and a state for them. */
void workers_open(size_t count);

/* Frees everything. */
void workers_close(void);

/* Starts worker [i] with the global Lua function [body]. */
void workers_start(size_t i, const char *body);

/* Lets worker [i] crash, asks the policy, and starts it again. */
void workers_crash(size_t i);

/* Ends worker [i] without asking anybody. */
void workers_stop(size_t i);

/* Runs what is due until [seconds] have passed. */
void workers_run(double seconds);

/* Heartbeats so far. */
uint64_t workers_beats(void);

/* Seconds of a monotonic clock, and of CPU that the process has used. */
double workers_now(void);
double workers_cpu(void);
