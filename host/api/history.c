/* SPDX-License-Identifier: Apache-2.0 */
/* host.history: what happened to the units, in a database; documented in
 * lua/meta/host_history.lua. Thread: the runtime's. */
#include "history/history.h"

#include <stdlib.h>
#include <uv.h>

#include "api/api.h"
#include "history/sqlite.h"

enum { PATIENCE_MS = 1000 };

static const char HISTORY[] = "luvisor.history";

struct keeper {
  struct history *history; /* NULL: closed */
};

static struct keeper *check_keeper(lua_State *L) {
  struct keeper *keeper = luaL_checkudata(L, 1, HISTORY);
  luaL_argcheck(L, keeper->history, 1, "is closed");
  return keeper;
}

static int missing(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "libsqlite3.so.0 is not installed");
  lua_pushstring(L, uv_err_name(UV_ENOSYS));
  return 3;
}

/* open(path, max_age, max_size) -> history, or nil, message, CODE */
static int open_file(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct history_limits limits = {.max_age = luaL_checknumber(L, 2),
                                  .max_size = (uint64_t)luaL_checkinteger(L, 3)};
  struct keeper *keeper = lua_newuserdatauv(L, sizeof *keeper, 0);
  keeper->history = NULL;
  luaL_setmetatable(L, HISTORY);
  int r = history_new(path, &limits, &keeper->history);
  if (r == UV_ENOSYS) return missing(L);
  return r < 0 ? api_error(L, r) : 1;
}

/* history:add(time, unit, kind, detail) */
static int add(lua_State *L) {
  struct keeper *keeper = check_keeper(L);
  struct history_entry entry = {.time = luaL_checknumber(L, 2),
                                .unit = luaL_checkstring(L, 3),
                                .kind = luaL_checkstring(L, 4),
                                .detail = luaL_checkstring(L, 5)};
  history_add(keeper->history, &entry);
  return 0;
}

/* history:count() -> written, lost, why or nil */
static int count(lua_State *L) {
  struct history_count count;
  history_count(check_keeper(L)->history, &count);
  lua_pushinteger(L, (lua_Integer)count.written);
  lua_pushinteger(L, (lua_Integer)count.lost);
  if (count.message[0])
    lua_pushstring(L, count.message);
  else
    lua_pushnil(L);
  return 3;
}

static int shut(lua_State *L) {
  struct keeper *keeper = luaL_checkudata(L, 1, HISTORY);
  history_free(keeper->history, PATIENCE_MS);
  keeper->history = NULL;
  return 0;
}

struct visitor {
  lua_State *L;
  int status;
};

static bool visit(void *data, const struct history_entry *entry) {
  struct visitor *visitor = data;
  lua_State *L = visitor->L;
  lua_pushvalue(L, 4);
  lua_pushnumber(L, entry->time);
  lua_pushstring(L, entry->unit);
  lua_pushstring(L, entry->kind);
  lua_pushstring(L, entry->detail);
  visitor->status = lua_pcall(L, 4, 1, 0);
  if (visitor->status != LUA_OK) return false; /* the error stays on the stack */
  bool more = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return more;
}

/* scan(path, since, newest_first, fn) -> true, or nil, message */
static int scan(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  double since = luaL_checknumber(L, 2);
  bool newest_first = lua_toboolean(L, 3);
  luaL_checktype(L, 4, LUA_TFUNCTION);
  lua_settop(L, 4);
  luaL_checkstack(L, 8, NULL);
  if (!sqlite_load()) return missing(L);
  struct visitor visitor = {.L = L};
  char *problem = history_store_scan(path, since, newest_first, visit, &visitor);
  if (visitor.status != LUA_OK) {
    free(problem);
    return lua_error(L);
  }
  lua_pushboolean(L, 1);
  if (!problem) return 1;
  lua_pushnil(L);
  lua_pushstring(L, problem);
  free(problem);
  return 2;
}

static const luaL_Reg methods[] = {
    {"add", add},
    {"count", count},
    {"close", shut},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {{"open", open_file}, {"scan", scan}, {NULL, NULL}};

int luaopen_host_history(lua_State *L) {
  luaL_newmetatable(L, HISTORY);
  lua_pushcfunction(L, shut);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  return 1;
}
