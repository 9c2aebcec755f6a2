/* SPDX-License-Identifier: Apache-2.0 */
/* Modules: where `require` finds things: the embedded library, or LUVISOR_LUA=dir in its
 * place, before the usual paths; never the working directory. Thread: the state's. */
#pragma once
#include <lua.h>

/* Sets up package.searchers and package.path of a state with open libraries. */
void modules_install(lua_State *L);
