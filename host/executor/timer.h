/* SPDX-License-Identifier: Apache-2.0 */
/* Timer: a Lua function called once at a point in time, for the machines (backoff, start
 * and stop deadlines of programs). A Lua userdata that the module keeps alive while it is
 * armed. Thread: the runtime's. */
#pragma once
#include <lua.h>

#include "base/schedule.h"

/* Arms a timer; stack: function, a, b -> timer. [served] chooses the clock. */
void timer_start(lua_State *L, struct schedule *schedule, uint64_t ns, bool served);

/* Whether the value at [index] is a timer, whatever state it is in. */
bool timer_is(lua_State *L, int index);

/* Disarms the timer at [index]; one that has fired or was cancelled is left alone. */
void timer_cancel(lua_State *L, int index);

/* Calls the function of an expired timer. */
void timer_expired(lua_State *L, struct deadline *deadline);
