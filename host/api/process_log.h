/* SPDX-License-Identifier: Apache-2.0 */
/* Process log: the files of output as Lua has them open, to write to them itself, or so
 * that a program finds them open. Thread: main. */
#pragma once
#include <lua.h>

#include "api/process_stream.h"

/* What host.process shares; NULL after its end. */
struct process_streams *process_streams(lua_State *L);

/* Makes the metatable. */
void process_log_register(lua_State *L);

/* Lets go of all: what Lua still has is closed. */
void process_log_close_all(struct process_streams *streams);

/* host.process.open_log and host.process.reopen. */
int process_log_open(lua_State *L);
int process_log_reopen(lua_State *L);
int process_log_limit(lua_State *L);
