/* SPDX-License-Identifier: Apache-2.0 */
/* host.task: worker slots and everything that waits, for Lua; documented in
 * lua/meta/host.lua. Thread: the runtime's. */
#include "executor/task.h"

#include "api/api.h"
#include "executor/runtime.h"
#include "vm/vm.h"

/* The task of the handle at 1, NULL when it has ended: late calls are no mistake. */
static struct task *find(lua_State *L) {
  return task_find(api_tasks(L), (uint64_t)luaL_checkinteger(L, 1));
}

/* ---- for the machine ---- */

static int set_handlers(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  tasks_set_handlers(api_tasks(L), L);
  return 0;
}

static int watch_beats(lua_State *L) {
  tasks_watch_beats(api_tasks(L), lua_toboolean(L, 1));
  return 0;
}

/* Pops the object of a new task, whose first turn is queued. */
static struct task *begin(lua_State *L, struct tasks *tasks, uint64_t start_limit) {
  struct task *task = task_open(tasks, L);
  if (!task) luaL_error(L, "not enough memory for a task");
  if (start_limit) task_limit(tasks, task, LIMIT_START, start_limit);
  task_begin(tasks, task, false);
  return task;
}

/* open(object, start_limit|nil) -> handle; its first turn is queued */
static int open(lua_State *L) {
  uint64_t ns = schedule_ns(luaL_optnumber(L, 2, 0));
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  lua_pushinteger(L, (lua_Integer)task_handle(begin(L, api_tasks(L), ns)));
  return 1;
}

/* launch(unit, meta, start_limit|nil) -> handle, { _unit = unit } with that metatable */
static int launch(lua_State *L) {
  struct tasks *tasks = api_tasks(L);
  uint64_t ns = schedule_ns(luaL_optnumber(L, 3, 0));
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_createtable(L, 0, 2);
  lua_pushvalue(L, 1);
  lua_setfield(L, 3, "_unit");
  lua_pushvalue(L, 2);
  lua_setmetatable(L, 3);
  lua_pushvalue(L, 3);
  lua_pushinteger(L, (lua_Integer)task_handle(begin(L, tasks, ns)));
  lua_pushvalue(L, 3);
  return 2;
}

static int close(lua_State *L) {
  struct task *task = find(L);
  if (task) task_close(api_tasks(L), task);
  return 0;
}

static int fail(lua_State *L) {
  struct task *task = find(L);
  if (task) task_begin(api_tasks(L), task, true);
  return 0;
}

static int enter(lua_State *L) {
  struct task *task = find(L);
  uint64_t heartbeat = schedule_ns(luaL_optnumber(L, 2, 0));
  uint64_t stay = schedule_ns(luaL_optnumber(L, 3, 0));
  if (!task) return 0;
  if (task->running) schedule_read(runtime_schedule(api_runtime(L)));
  if (lua_toboolean(L, 4)) task->limits[LIMIT_START] = 0;
  task_enter(api_tasks(L), task, heartbeat, stay);
  return 0;
}

/* set_actor(handle, fn, every|nil) */
static int set_actor(lua_State *L) {
  struct task *task = find(L);
  uint64_t every = schedule_ns(luaL_optnumber(L, 3, 0));
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (!task) return 0;
  lua_settop(L, 2);
  task_set_actor(api_tasks(L), task, L, every);
  return 0;
}

static int limit(lua_State *L) {
  static const char *const names[] = {"heartbeat", "state", "transition",
                                      "start",     "stop",  NULL};
  struct task *task = find(L);
  int which = luaL_checkoption(L, 2, NULL, names);
  uint64_t ns = schedule_ns(luaL_optnumber(L, 3, 0));
  if (task) task_limit(api_tasks(L), task, (enum limit)which, ns);
  return 0;
}

static int nudge(lua_State *L) {
  struct task *task = find(L);
  if (task) task_nudge(api_tasks(L), task);
  return 0;
}

static int stop(lua_State *L) {
  struct task *task = find(L);
  uint64_t ns = schedule_ns(luaL_optnumber(L, 2, 0));
  luaL_checkstack(L, LUA_MINSTACK, "too many results"); /* turns may run on this stack */
  if (task) task_stop(api_tasks(L), task, ns, L);
  return 0;
}

/* finish(handle, seconds|nil, endings) -> endings[event], event; or nothing */
static int finish(lua_State *L) {
  struct task *task = find(L);
  uint64_t ns = schedule_ns(luaL_optnumber(L, 2, 0));
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_checkstack(L, LUA_MINSTACK, "too many results"); /* turns may run on this stack */
  return task ? task_finish(api_tasks(L), task, ns, L, 3) : 0;
}

static int mail(lua_State *L) {
  struct task *task = find(L);
  if (task) task_mail(api_tasks(L), task, lua_toboolean(L, 2));
  return 0;
}

static int hold(lua_State *L) {
  struct task *task = find(L);
  lua_pushboolean(L, task && task_hold(api_tasks(L), task));
  return 1;
}

static int release(lua_State *L) {
  struct task *task = find(L);
  if (task) task_release(api_tasks(L), task);
  return 0;
}

static int cancel(lua_State *L) {
  struct task *task = find(L);
  lua_pushboolean(L, task && task_cancel(api_tasks(L), task));
  return 1;
}

/* traceback(handle) -> where its coroutine stands, or nothing */
static int traceback(lua_State *L) {
  struct task *task = find(L);
  if (!task || !task->co || task->running) return 0;
  vm_push_traceback(L, task->co, 0);
  return 1;
}

static int count(lua_State *L) {
  lua_pushinteger(L, tasks_count(api_tasks(L)));
  return 1;
}

/* ---- for the worker that runs ---- */

static struct task *current(lua_State *L, const char *what) {
  struct task *task = tasks_current(api_tasks(L));
  if (!task || !task->running) luaL_error(L, "%s: not inside a worker", what);
  return task;
}

/* As current, where the caller is about to yield. */
static struct task *current_here(lua_State *L, const char *what) {
  struct task *task = current(L, what);
  if (!tasks_run_on(api_tasks(L), L))
    luaL_error(L, "%s: inside a coroutine of the worker's own", what);
  if (!lua_isyieldable(L)) luaL_error(L, "%s: this place cannot wait", what);
  return task;
}

/* Raises the cancel where the task waited, once. */
static void raise_cancel(lua_State *L, struct task *task) {
  if (!task->raising) return;
  task->raising = false;
  luaL_error(L, "cancelled");
}

static int resumed(lua_State *L, int status, lua_KContext top) {
  (void)status;
  raise_cancel(L, tasks_current(api_tasks(L)));
  return lua_gettop(L) - (int)top;
}

int api_wait(lua_State *L, struct task *task, int kind, uint64_t ns) {
  raise_cancel(L, task);
  task_wait(api_tasks(L), task, (enum wait)kind, ns);
  return lua_yieldk(L, 0, lua_gettop(L), resumed);
}

static int nap(lua_State *L) {
  uint64_t ns = schedule_ns(luaL_checknumber(L, 1));
  struct task *task = current_here(L, "sleep");
  return api_wait(L, task, WAIT_SLEEP, ns ? ns : 1);
}

/* the clock is read anew: this may be the middle of a long turn */
static int beat(lua_State *L) {
  schedule_read(runtime_schedule(api_runtime(L)));
  task_beat(api_tasks(L), current(L, "beat"));
  return 0;
}

static int extend(lua_State *L) {
  uint64_t ns = schedule_ns(luaL_checknumber(L, 1));
  schedule_read(runtime_schedule(api_runtime(L)));
  task_extend(api_tasks(L), current(L, "extend"), ns);
  return 0;
}

/* current() -> handle, number of its next wait; nothing where nobody can wait */
static int self_handle(lua_State *L) {
  struct task *task = tasks_current(api_tasks(L));
  if (!task || !task->running || !tasks_run_on(api_tasks(L), L)) return 0;
  if (!lua_isyieldable(L) || task->raising) return 0;
  lua_pushinteger(L, (lua_Integer)task_handle(task));
  lua_pushinteger(L, (lua_Integer)task_reserve_wait(task));
  return 2;
}

/* sent(handle) -> letters that the task has sent the short way, see mailbox.c */
static int sent(lua_State *L) {
  const struct task *task = find(L);
  lua_pushinteger(L, task ? task->sent : 0);
  return 1;
}

/* object() -> what the task that runs was opened with; nothing outside of workers */
static int object(lua_State *L) {
  struct task *task = tasks_current(api_tasks(L));
  if (!task || !task->running) return 0;
  task_push_object(L, task);
  return 1;
}

static int park(lua_State *L) {
  uint64_t ns = schedule_ns(luaL_optnumber(L, 1, 0));
  enum wait kind = lua_toboolean(L, 2) ? WAIT_ANSWER : WAIT_EVENT;
  return api_wait(L, current_here(L, "park"), kind, ns);
}

static int receive(lua_State *L) {
  bool limited = !lua_isnoneornil(L, 1);
  uint64_t ns = schedule_ns(luaL_optnumber(L, 1, 0));
  return api_wait(L, current_here(L, "receive"), WAIT_MAIL, limited && !ns ? 1 : ns);
}

static int wake(lua_State *L) {
  struct task *task = find(L);
  uint32_t number = (uint32_t)luaL_checkinteger(L, 2);
  int values = lua_gettop(L) - 2;
  lua_pushboolean(L, task && task_wake(api_tasks(L), task, number, L, values));
  return 1;
}

/* ---- await ----
 * The callback is a closure over handle, wait number and a table for results that come
 * before the wait has begun. */

static int arrived(lua_State *L) {
  uint64_t handle = (uint64_t)lua_tointeger(L, lua_upvalueindex(1));
  uint32_t number = (uint32_t)lua_tointeger(L, lua_upvalueindex(2));
  struct task *task = task_find(api_tasks(L), handle);
  int values = lua_gettop(L);
  if (!task) return 0;
  if (!task->running || task->wait_no != number) {
    task_wake(api_tasks(L), task, number, L, values);
    return 0;
  }
  for (int i = values; i >= 1; i--) lua_rawseti(L, lua_upvalueindex(3), i);
  lua_pushinteger(L, values);
  lua_rawseti(L, lua_upvalueindex(3), 0);
  return 0;
}

/* early results -> all of them, count first in [0]; 0 when none have come */
static int early_results(lua_State *L, int table) {
  if (lua_rawgeti(L, table, 0) == LUA_TNIL) return -1;
  int count = (int)lua_tointeger(L, -1);
  luaL_checkstack(L, count, "too many results");
  for (int i = 1; i <= count; i++) lua_rawgeti(L, table, i);
  return count;
}

/* [nil, message, code] -> message, nil, code: an error comes first, as in a callback */
static int refused(lua_State *L) {
  lua_pushvalue(L, -2);
  lua_replace(L, -4);
  lua_pushnil(L);
  lua_replace(L, -3);
  return 3;
}

static int await(lua_State *L) {
  struct task *task = current_here(L, "await");
  luaL_checktype(L, 1, LUA_TFUNCTION);
  raise_cancel(L, task);
  int base = lua_gettop(L);
  lua_newtable(L);
  lua_insert(L, 1); /* results, start, arguments... */
  lua_pushinteger(L, (lua_Integer)task_handle(task));
  lua_pushinteger(L, (lua_Integer)task_reserve_wait(task));
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, arrived, 3);
  lua_call(L, base, 3);
  int early = early_results(L, 1);
  if (early >= 0) return early;
  lua_pop(L, 1);
  if (!lua_toboolean(L, -3) && !lua_isnil(L, -2)) return refused(L);
  lua_settop(L, 1);
  return api_wait(L, task, WAIT_EVENT, 0);
}

static int bound(lua_State *L) {
  struct task *task = find(L);
  lua_Integer bytes = luaL_checkinteger(L, 2);
  luaL_argcheck(L, bytes >= 0, 2, "expected bytes");
  if (task) task_bound(api_tasks(L), task, (size_t)bytes);
  return 0;
}

static const luaL_Reg functions[] = {
    {"set_handlers", set_handlers},
    {"watch_beats", watch_beats},
    {"open", open},
    {"launch", launch},
    {"close", close},
    {"fail", fail},
    {"enter", enter},
    {"set_actor", set_actor},
    {"limit", limit},
    {"nudge", nudge},
    {"stop", stop},
    {"finish", finish},
    {"mail", mail},
    {"hold", hold},
    {"release", release},
    {"cancel", cancel},
    {"traceback", traceback},
    {"count", count},
    {"sleep", nap},
    {"beat", beat},
    {"extend", extend},
    {"current", self_handle},
    {"object", object},
    {"sent", sent},
    {"bound", bound},
    {"park", park},
    {"receive", receive},
    {"wake", wake},
    {"await", await},
    {NULL, NULL},
};

int luaopen_host_task(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
