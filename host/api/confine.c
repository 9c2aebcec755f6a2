/* SPDX-License-Identifier: Apache-2.0 */
/* Confine: see confine.h. */
#include "api/confine.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

#define IN_C                                                                        \
  ": would hold the thread in C, where nobody can stop it; use luvisor.program or " \
  "executor = \"process\""

/* where: so many of the list are refused there */
enum { REFUSALS_OF_HOST = 1, REFUSALS_OF_THREAD = 4 };

struct refusal {
  const char *library, *name, *message;
};

static const struct refusal of_host[REFUSALS_OF_HOST] = {
    {"os", "exit",
     "os.exit: would end the host and leave its programs behind; return an event, or "
     "raise an error"},
};

static const struct refusal of_thread[REFUSALS_OF_THREAD] = {
    {"os", "exit", "os.exit: would end the host; return an event, or raise an error"},
    {"os", "execute", "os.execute" IN_C},
    {"io", "popen", "io.popen" IN_C},
    {"os", "setlocale", "os.setlocale: is the whole process's"},
};

static const struct refusal of_all = {
    "debug", "sethook", "debug.sethook: is how a runaway worker is stopped"};

static const struct refusal of_luv[] = {
    {"uv", "run", "uv.run: the loop is the host's"},
    {"uv", "stop", "uv.stop: the loop is the host's"},
    {"uv", "loop_close", "uv.loop_close: the loop is the host's"},
    {"uv", "walk", "uv.walk: the loop is the host's"},
};

static int refused(lua_State *L) {
  const struct refusal *refusal = lua_touserdata(L, lua_upvalueindex(1));
  return luaL_error(L, "%s", refusal->message);
}

/* [..., library] -> the same */
static void refuse(lua_State *L, const struct refusal *refusal) {
  lua_pushlightuserdata(L, (void *)refusal);
  lua_pushcclosure(L, refused, 1);
  lua_setfield(L, -2, refusal->name);
}

static void refuse_global(lua_State *L, const struct refusal *refusal) {
  lua_getglobal(L, refusal->library);
  refuse(L, refusal);
  lua_pop(L, 1);
}

/* ---- luv ---- */

/* Calls the function in the upvalue with the arguments. */
static int pass_on(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* The hook is what interrupts a worker, and the signal is what sets it. */
static int signal_start(lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  bool is_number = lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) == SIGURG;
  if (is_number || !strcasecmp(name, "sigurg"))
    return luaL_error(L, "SIGURG: is how a runaway worker is stopped");
  return pass_on(L);
}

/* [..., luv] -> the same */
static void keep_luv(lua_State *L) {
  for (size_t i = 0; i < sizeof of_luv / sizeof *of_luv; i++) refuse(L, &of_luv[i]);
  lua_getfield(L, -1, "signal_start");
  lua_pushcclosure(L, signal_start, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "signal_start");
  luaL_getmetatable(L, "uv_signal");
  lua_getfield(L, -1, "__index");
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "start");
  lua_pop(L, 3);
}

static int open_kept(lua_State *L) {
  pass_on(L);
  lua_settop(L, 1);
  keep_luv(L);
  return 1;
}

static void keep_loop(lua_State *L) {
  refuse_global(L, &of_all);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, "luv") == LUA_TTABLE) {
    keep_luv(L);
  } else {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_getfield(L, -1, "luv");
    lua_pushcclosure(L, open_kept, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "luv");
    lua_setfield(L, -2, "uv");
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}

/* ---- what a thread has in place of Lua's own ---- */

/* A hook cannot interrupt a finalizer, so one that never ends could not be stopped. */
static int set_metatable(lua_State *L) {
  int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
  lua_settop(L, 2);
  if (type == LUA_TTABLE) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL)
      return luaL_error(L,
                        "__gc: a thread has no finalizers, they could not be "
                        "interrupted; use <close>");
    lua_settop(L, 2);
  }
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  lua_setmetatable(L, 1);
  return 1;
}

/* Bytecode is not checked when it is loaded, and can break into the host. */
static int text_only(lua_State *L, int mode) {
  if (lua_gettop(L) < mode) lua_settop(L, mode);
  lua_pushliteral(L, "t");
  lua_replace(L, mode);
  return pass_on(L);
}

static int load_text(lua_State *L) {
  return text_only(L, 3);
}

static int load_file(lua_State *L) {
  return text_only(L, 2);
}

static void replace(lua_State *L, const char *name, lua_CFunction fn) {
  lua_getglobal(L, name);
  lua_pushcclosure(L, fn, 1);
  lua_setglobal(L, name);
}

static void confine_thread(lua_State *L) {
  for (int i = 0; i < REFUSALS_OF_THREAD; i++) refuse_global(L, &of_thread[i]);
  lua_pushcfunction(L, set_metatable);
  lua_setglobal(L, "setmetatable");
  lua_getglobal(L,
                "load"); /* for what is this binary's own, see lua/edge/load/code.lua */
  lua_setfield(L, LUA_REGISTRYINDEX, "luvisor.load");
  replace(L, "load", load_text);
  replace(L, "loadfile", load_file);
}

int confine(lua_State *L) {
  static const char *const places[] = {"host", "thread", "process", NULL};
  int place = luaL_checkoption(L, 1, NULL, places);
  lua_settop(L, 1);
  keep_loop(L);
  if (place == 0)
    for (int i = 0; i < REFUSALS_OF_HOST; i++) refuse_global(L, &of_host[i]);
  if (place == 1) confine_thread(L);
  return 0;
}
