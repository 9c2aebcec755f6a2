/* SPDX-License-Identifier: Apache-2.0 */
/* What takes the place of functions of Lua's own, so that whatever runs can be
 * interrupted. Thread: the runtime's. */
#pragma once
#include <lua.h>

/* Replaces resume, wrap, close and status of coroutine, and xpcall. */
void coroutine_install(lua_State *L);
