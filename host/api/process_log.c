/* SPDX-License-Identifier: Apache-2.0 */
/* Process log: see process_log.h. */
#include "api/process_log.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "vm/vm.h"

#define LOG "luvisor.log"

struct process_log {
  struct spool *spool; /* NULL when it is closed */
  struct process_log *next, **link;
};

/* Somebody who waits until one is open. */
struct opening {
  struct vm *vm;
  int function; /* registry reference */
};

/* ---- opening ---- */

static void push_log(lua_State *L, struct process_streams *streams, struct spool *spool) {
  struct process_log *log = lua_newuserdatauv(L, sizeof *log, 0);
  *log =
      (struct process_log){.spool = spool, .next = streams->logs, .link = &streams->logs};
  if (log->next) log->next->link = &log->next;
  streams->logs = log;
  luaL_setmetatable(L, LOG);
}

static int push_error(lua_State *L, int error) {
  lua_pushnil(L);
  lua_pushfstring(L, "open: %s", strerror(-error));
  lua_pushstring(L, uv_err_name(error));
  return 3;
}

static void on_opened(void *data, struct spool *spool, int error) {
  struct opening *opening = data;
  lua_State *L = opening->vm->L;
  struct process_streams *streams = process_streams(L);
  int results = 1;
  lua_checkstack(L, LUA_MINSTACK);
  lua_rawgeti(L, LUA_REGISTRYINDEX, opening->function);
  luaL_unref(L, LUA_REGISTRYINDEX, opening->function);
  free(opening);
  if (error == UV_ECANCELED) {
    lua_pop(L, 1);
    return;
  }
  if (spool)
    push_log(L, streams, spool);
  else
    results = push_error(L, error);
  vm_call(L, results, 0);
}

static int open_later(lua_State *L, struct process_streams *streams,
                      const struct spool_options *options) {
  struct opening *opening = malloc(sizeof *opening);
  if (!opening) return push_error(L, UV_ENOMEM);
  lua_pushvalue(L, 2);
  *opening = (struct opening){vm_of(L), luaL_ref(L, LUA_REGISTRYINDEX)};
  int error = spool_open_later(streams->spools, options, on_opened, opening);
  if (error) {
    luaL_unref(L, LUA_REGISTRYINDEX, opening->function);
    free(opening);
    return push_error(L, error);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* open_log(options [, fn]) -> log | nil, message, CODE; with fn that gets it, later */
int process_log_open(lua_State *L) {
  struct process_streams *streams = process_streams(L);
  struct spool *spool;
  luaL_checktype(L, 1, LUA_TTABLE);
  bool later = !lua_isnoneornil(L, 2);
  if (later) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushvalue(L, 1);
  struct spool_options options = process_stream_spool(L);
  lua_pop(L, 1);
  luaL_argcheck(L, options.file.path || options.syslog.path, 1, "names no file");
  if (!streams) return push_error(L, UV_ECANCELED);
  if (later) return open_later(L, streams, &options);
  int error = spool_open(streams->spools, &options, &spool);
  if (error) return push_error(L, error);
  push_log(L, streams, spool);
  return 1;
}

/* reopen() -> how many files */
int process_log_reopen(lua_State *L) {
  struct process_streams *streams = process_streams(L);
  lua_pushinteger(L, streams ? spools_reopen(streams->spools) : 0);
  return 1;
}

/* limit_log(options) -> whether that file is being written */
int process_log_limit(lua_State *L) {
  struct process_streams *streams = process_streams(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct spool_options options = process_stream_spool(L);
  luaL_argcheck(L, options.file.path, 1, "names no file");
  lua_pushboolean(L, streams && spools_limit(streams->spools, &options));
  return 1;
}

/* ---- methods ---- */

/* log:write(lines): never waits; what finds no room is dropped and counted */
static int log_write(lua_State *L) {
  struct process_log *log = luaL_checkudata(L, 1, LOG);
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  luaL_argcheck(L, log->spool, 1, "is closed");
  spool_put(log->spool, bytes, len);
  return 0;
}

static void close_log(struct process_log *log) {
  if (!log->spool) return;
  spool_release(log->spool);
  log->spool = NULL;
  *log->link = log->next;
  if (log->next) log->next->link = log->link;
}

static int log_close(lua_State *L) {
  close_log(luaL_checkudata(L, 1, LOG));
  return 0;
}

void process_log_close_all(struct process_streams *streams) {
  while (streams->logs) close_log(streams->logs);
}

void process_log_register(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"write", log_write}, {"close", log_close}, {NULL, NULL}};
  luaL_newmetatable(L, LOG);
  lua_pushcfunction(L, log_close);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
