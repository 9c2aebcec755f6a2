/* SPDX-License-Identifier: Apache-2.0 */
/* Api: what Lua sees of the host, one luaopen_* a file, and small helpers for them.
 * Thread: the runtime's. */
#pragma once
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct runtime;
struct task;
struct tasks;

int luaopen_host_runtime(lua_State *L);
int luaopen_host_task(lua_State *L);
int luaopen_host_system(lua_State *L);
int luaopen_host_account(lua_State *L);
int luaopen_host_json(lua_State *L);
int luaopen_host_peer(lua_State *L);
int luaopen_host_codec(lua_State *L);
int luaopen_host_mailbox(lua_State *L);
int luaopen_host_daemon(lua_State *L);
int luaopen_host_orphans(lua_State *L);
int luaopen_host_history(lua_State *L);

/* Puts all of them into package.preload, and luv as "luv" and "uv", one table. */
void api_preload(lua_State *L);

/* Pushes luv's function to walk all of its handles, and says whether luv is open at all;
 * pushes nil if not. */
bool api_push_walk(lua_State *L);

/* The exit code that Lua asked for with host.system.quit, 0 if it did not. */
int api_exit_code(lua_State *L);

/* The runtime of the state. */
struct runtime *api_runtime(lua_State *L);

/* Its loop, opened if it has none yet; raises where that fails. */
struct uv_loop_s *api_loop(lua_State *L);

/* The scheduler of its tasks. */
struct tasks *api_tasks(lua_State *L);

/* Has the task that runs wait, as task_wait; what a function returns that does so. */
int api_wait(lua_State *L, struct task *task, int kind, uint64_t ns);

/* Pushes nil, the message and the name of a negative libuv code. */
int api_refused(lua_State *L, int code, const char *message);

/* Pushes nil, "NAME: what it means", "NAME" for a negative libuv code. */
int api_error(lua_State *L, int code);

/* Pushes true, or what api_error pushes for a code that is not 0. */
int api_result(lua_State *L, int code);

/* Pushes a list of pids. */
int api_pids(lua_State *L, const pid_t *pids, int count);
