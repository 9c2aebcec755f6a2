/* SPDX-License-Identifier: Apache-2.0 */
/* host.runtime: clocks, timers and posted calls for Lua; documented in
 * lua/meta/host.lua. Thread: the runtime's. */
#include "executor/runtime.h"

#include "api/api.h"
#include "base/alarm.h"
#include "executor/timer.h"
#include "executor/watchdog.h"
#include "vm/vm.h"

static lua_Number seconds(uint64_t ns) {
  return (lua_Number)ns / (lua_Number)SCHEDULE_SECOND;
}

static int now(lua_State *L) {
  lua_pushnumber(L, seconds(schedule_now(runtime_schedule(api_runtime(L)))));
  return 1;
}

static int exact(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)schedule_read(runtime_schedule(api_runtime(L))));
  return 1;
}

static int start(lua_State *L, bool served) {
  uint64_t ns = schedule_ns(luaL_checknumber(L, 1));
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 4);
  timer_start(L, runtime_schedule(api_runtime(L)), ns, served);
  return 1;
}

static int after(lua_State *L) {
  return start(L, false);
}

static int deadline(lua_State *L) {
  return start(L, true);
}

static int cancel(lua_State *L) {
  if (lua_isnoneornil(L, 1)) return 0;
  luaL_argexpected(L, timer_is(L, 1), 1, "timer");
  timer_cancel(L, 1);
  return 0;
}

static int post(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 4);
  runtime_post(api_runtime(L), L);
  return 0;
}

static int manual(lua_State *L) {
  runtime_set_manual(api_runtime(L));
  return 0;
}

static int step(lua_State *L) {
  struct runtime *runtime = api_runtime(L);
  if (!runtime_schedule(runtime)->manual) return luaL_error(L, "the clock is not manual");
  runtime_step(runtime, schedule_ns(luaL_optnumber(L, 1, 0)));
  return 0;
}

static int set_reporter(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  vm_set_reporter(L);
  return 0;
}

static int get_memory(lua_State *L) {
  const struct memory *memory = &vm_of(L)->memory;
  lua_pushinteger(L, (lua_Integer)memory->used);
  lua_pushinteger(L, (lua_Integer)memory->peak);
  lua_pushinteger(L, (lua_Integer)memory_spare(memory));
  return 3;
}

/* trim([blocks]) -> whether it is done */
static int trim(lua_State *L) {
  lua_Integer blocks = luaL_optinteger(L, 1, LUA_MAXINTEGER);
  luaL_argcheck(L, blocks > 0, 1, "expected a number of blocks");
  lua_pushboolean(L, memory_trim(&vm_of(L)->memory, (size_t)blocks));
  return 1;
}

/* limit_memory(bytes): from here on the state may hold no more than that; nil: what it can
 * get */
static int limit_memory(lua_State *L) {
  lua_Integer bytes = luaL_optinteger(L, 1, 0);
  luaL_argcheck(L, bytes > 0 || lua_isnoneornil(L, 1), 1, "expected bytes");
  vm_of(L)->memory.limit = (size_t)bytes;
  return 0;
}

/* alarm(seconds, text), alarm() */
static int set_alarm(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) {
    uint64_t ns = schedule_ns(luaL_checknumber(L, 1));
    return api_result(L, alarm_set(&vm_of(L)->interrupt, ns, luaL_checkstring(L, 2)));
  }
  lua_pushboolean(L, alarm_clear());
  return 1;
}

/* watch(slice, stall, kill) */
static int watch(lua_State *L) {
  struct watchdog_budget budget = {
      .slice = schedule_ns(luaL_checknumber(L, 1)),
      .stall = schedule_ns(luaL_checknumber(L, 2)),
      .kill = schedule_ns(luaL_checknumber(L, 3)),
  };
  return api_result(L, runtime_watch(api_runtime(L), &budget));
}

static int unwatch(lua_State *L) {
  runtime_unwatch(api_runtime(L));
  return 0;
}

static int looks(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)watchdog_looks());
  return 1;
}

static const luaL_Reg functions[] = {
    {"now", now},           {"exact", exact},   {"after", after},
    {"deadline", deadline}, {"cancel", cancel}, {"post", post},
    {"manual", manual},     {"step", step},     {"set_reporter", set_reporter},
    {"memory", get_memory}, {"trim", trim},     {"watch", watch},
    {"unwatch", unwatch},   {"looks", looks},   {"limit_memory", limit_memory},
    {"alarm", set_alarm},   {NULL, NULL},
};

int luaopen_host_runtime(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
