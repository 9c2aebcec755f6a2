/* SPDX-License-Identifier: Apache-2.0 */
/* Process: programs for Lua, the module host.process; see lua/meta/host_process.lua.
 * Thread: the main thread. */
#pragma once
#include <lua.h>

int luaopen_host_process(lua_State *L);

struct nursery;

/* The nursery of the state's programs, borrowed; NULL when the module is not open. */
struct nursery *process_nursery(lua_State *L);

/* Lets go of all programs, alive or not, and closes what the module has on the loop; the
 * loop must turn once more before the state is closed. Fine when the module was never
 * opened. Thread: main. */
void process_close_all(lua_State *L);
