/* SPDX-License-Identifier: Apache-2.0 */
/* Notifier: the receiver of notifications for Lua, the module host.notify; see
 * lua/meta/host_notify.lua. Thread: the main thread. */
#pragma once
#include <lua.h>

int luaopen_host_notify(lua_State *L);

/* Closes the receiver, if there is one; the loop must turn once more before the state is
 * closed. Thread: main. */
void notifier_close(lua_State *L);
