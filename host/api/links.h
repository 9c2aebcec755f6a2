/* SPDX-License-Identifier: Apache-2.0 */
/* Links: other runtimes for Lua, the module host.guest; see lua/meta/host_guest.lua.
 * Thread: the state's. */
#pragma once
#include <lua.h>

struct channel;
struct link_calls;

int luaopen_host_guest(lua_State *L);

/* The calls over the link at [index]; NULL where that is none. */
struct link_calls *api_link_calls(lua_State *L, int index);

/* This state is a guest's: its parent is on side 0 of the channel, which is borrowed. */
void links_set_parent(lua_State *L, struct channel *channel);

/* Closes all links of the state and gives up the guests that still live; the loop must
 * turn once more before the state is closed. */
void links_close_all(lua_State *L);
