/* SPDX-License-Identifier: Apache-2.0 */
/* Confine: what a script and its workers may not do in a state that they share with the
 * library, or in a process with others: each is refused with a word on what to do instead.
 * Thread: the state's. */
#pragma once
#include <lua.h>

/* confine(where): "host", where the end of the process or of the loop would leave the
 * programs to themselves; "thread", which shares the process, and where what waits in C
 * cannot be ended; or "process", where there is nothing to protect but the loop. */
int confine(lua_State *L);
