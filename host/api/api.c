/* SPDX-License-Identifier: Apache-2.0 */
/* Api: the list of the modules. See api.h. */
#include "api/api.h"

#include <luv/luv.h>
#include <uv.h>

#include "api/links.h"
#include "api/notifier.h"
#include "api/process.h"
#include "executor/runtime.h"
#include "vm/vm.h"

/* One a line, so that two that come at once do not meet. */
/* clang-format off */
static const luaL_Reg modules[] = {
    {"host.runtime", luaopen_host_runtime},
    {"host.task", luaopen_host_task},
    {"host.process", luaopen_host_process},
    {"host.notify", luaopen_host_notify},
    {"host.system", luaopen_host_system},
    {"host.account", luaopen_host_account},
    {"host.codec", luaopen_host_codec},
    {"host.mailbox", luaopen_host_mailbox},
    {"host.daemon", luaopen_host_daemon},
    {"host.orphans", luaopen_host_orphans},
    {"host.guest", luaopen_host_guest},
    {"host.history", luaopen_host_history},
    {"host.json", luaopen_host_json},
    {"host.peer", luaopen_host_peer},
    {NULL, NULL},
};
/* clang-format on */

static char walk_key; /* registry key: luv's walk, which scripts do not get */

/* luv calls back through here: an error in a callback ends that callback, nothing else */
static int call_back(lua_State *L, int nargs, int nresults, int flags) {
  int base = lua_gettop(L) - nargs - 1;
  (void)flags;
  int status = vm_call(L, nargs, nresults);
  return status == LUA_OK ? lua_gettop(L) - base : -status;
}

/* Opened when first asked for: it takes more memory than most of what runs on a thread. */
static int open_luv(lua_State *L) {
  luv_set_loop(L, api_loop(L));
  luv_set_callback(L, call_back);
  luaL_requiref(L, "luv", luaopen_luv, 0);
  lua_getfield(L, -1, "walk");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &walk_key);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "uv");
  lua_pop(L, 1);
  return 1;
}

void api_preload(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, modules, 0);
  lua_pushcfunction(L, open_luv);
  lua_setfield(L, -2, "luv");
  lua_pushcfunction(L, open_luv);
  lua_setfield(L, -2, "uv");
  lua_pop(L, 1);
}

bool api_push_walk(lua_State *L) {
  return lua_rawgetp(L, LUA_REGISTRYINDEX, &walk_key) == LUA_TFUNCTION;
}

struct runtime *api_runtime(lua_State *L) {
  return vm_of(L)->runtime;
}

struct uv_loop_s *api_loop(lua_State *L) {
  int error = runtime_open_loop(api_runtime(L));
  if (error) luaL_error(L, "no event loop: %s", uv_strerror(error));
  return runtime_loop(api_runtime(L));
}

struct tasks *api_tasks(lua_State *L) {
  return runtime_tasks(api_runtime(L));
}

int api_refused(lua_State *L, int code, const char *message) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushstring(L, uv_err_name(code));
  return 3;
}

int api_error(lua_State *L, int code) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", uv_err_name(code), uv_strerror(code));
  lua_pushstring(L, uv_err_name(code));
  return 3;
}

int api_result(lua_State *L, int code) {
  if (code) return api_error(L, code);
  lua_pushboolean(L, true);
  return 1;
}

int api_pids(lua_State *L, const pid_t *pids, int count) {
  lua_newtable(L);
  for (int i = 0; i < count; i++) {
    lua_pushinteger(L, pids[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}
