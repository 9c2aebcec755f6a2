/* SPDX-License-Identifier: Apache-2.0 */
/* host.system: what the edges need of the process; documented in lua/meta/host.lua.
 * Thread: the main thread. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "executor/runtime.h"
#include "output/writer.h"

#define EXIT_FLUSH_MS 1000

static char exit_code_key;

int api_exit_code(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &exit_code_key);
  int code = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return code;
}

/* quit(code): the loop ends after this turn, the process with that code */
static int quit(lua_State *L) {
  lua_pushinteger(L, luaL_optinteger(L, 1, 0));
  lua_rawsetp(L, LUA_REGISTRYINDEX, &exit_code_key);
  runtime_stop(api_runtime(L));
  return 0;
}

/* put(fd, text): to stdout or stderr, never blocking the loop */
static int put(lua_State *L) {
  lua_Integer fd = luaL_checkinteger(L, 1);
  size_t length;
  const char *text = luaL_checklstring(L, 2, &length);
  luaL_argcheck(L, fd == STDOUT_FILENO || fd == STDERR_FILENO, 1, "not stdout or stderr");
  writer_put((int)fd, text, length);
  return 0;
}

/* flush() -> true when stdout has taken all that was put, or nil, message, CODE */
static int flush(lua_State *L) {
  bool done = writer_flush(EXIT_FLUSH_MS);
  int error = writer_error(STDOUT_FILENO);
  if (!error && !done) error = UV_ETIMEDOUT;
  return api_result(L, error);
}

static int is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* wall() -> seconds since the epoch, for display only */
static int wall(lua_State *L) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  lua_pushnumber(L, (lua_Number)ts.tv_sec + (lua_Number)ts.tv_nsec / 1e9);
  return 1;
}

/* environment() -> { NAME = value } */
static int environment(lua_State *L) {
  uv_env_item_t *items;
  int count;
  int r = uv_os_environ(&items, &count);
  if (r < 0) return api_error(L, r);
  lua_createtable(L, 0, count);
  for (int i = 0; i < count; i++) {
    lua_pushstring(L, items[i].value);
    lua_setfield(L, -2, items[i].name);
  }
  uv_os_free_environ(items, count);
  return 1;
}

/* absolute(path) -> the path without links, or nil, message, CODE */
static int absolute(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  char *resolved = realpath(path, NULL);
  if (!resolved) return api_error(L, uv_translate_sys_error(errno));
  lua_pushstring(L, resolved);
  free(resolved);
  return 1;
}

static int pid(lua_State *L) {
  lua_pushinteger(L, getpid());
  return 1;
}

/* exit(code): ends the process here and now, once its output is out */
static int leave(lua_State *L) {
  int code = (int)luaL_optinteger(L, 1, 0);
  writer_stop(EXIT_FLUSH_MS);
  exit(code);
}

static const luaL_Reg functions[] = {
    {"quit", quit},         {"put", put},
    {"flush", flush},       {"is_terminal", is_terminal},
    {"wall", wall},         {"environment", environment},
    {"absolute", absolute}, {"pid", pid},
    {"exit", leave},        {NULL, NULL},
};

int luaopen_host_system(lua_State *L) {
  luaL_newlib(L, functions);
  lua_pushliteral(L, LUVISOR_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
