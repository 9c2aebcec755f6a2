/* SPDX-License-Identifier: Apache-2.0 */
/* Process tail: what a program wrote last, for Lua; of its stdout or stderr, by the third
 * argument. Thread: the main thread. */
#pragma once
#include <lua.h>

struct tail;

/* (child, bytes) -> text: the last bytes. */
int process_tail_last(lua_State *L, struct tail *const tails[2]);

/* (child, place) -> text, place, lost: what came since that place in the stream. */
int process_tail_news(lua_State *L, struct tail *const tails[2]);
