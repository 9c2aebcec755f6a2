/* SPDX-License-Identifier: Apache-2.0 */
/* Turn: its ways in and out that need no machine on the coroutine: to the first actor, and
 * from the last one to the end that is known beforehand. See task_store.h. */
#include <lauxlib.h>

#include "executor/task_store.h"
#include "vm/vm.h"

/* ---- in ---- */

void turn_set_actor(lua_State *L, struct task *task) {
  task->every = schedule_ns(lua_tonumber(L, -1));
  lua_pop(L, 1);
  task_set_value(L, task, VALUE_ACTOR);
  task->phase = PHASE_ACTOR;
}

static uint64_t duration(lua_State *L, const char *key) {
  lua_getfield(L, -1, key);
  uint64_t ns = schedule_ns(lua_tonumber(L, -1));
  lua_pop(L, 1);
  return ns;
}

/* L: [..., first] -> [..., first]; most tasks begin as the one before did. */
static const struct first *read_first(struct tasks *tasks) {
  lua_State *L = tasks->L;
  struct first *first = &tasks->first;
  if (first->table == lua_topointer(L, -1)) return first;
  first->every = duration(L, "every");
  first->heartbeat = duration(L, "heartbeat");
  first->stay = duration(L, "stay");
  lua_getfield(L, -1, "ready");
  first->ready = lua_toboolean(L, -1);
  lua_pop(L, 1);
  first->table = lua_topointer(L, -1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, first); /* so that nothing else comes to lie there */
  return first;
}

/* L: [..., first] -> [...] */
static void begin_with(struct tasks *tasks, struct task *task) {
  lua_State *L = tasks->L;
  const struct first *first = read_first(tasks);
  if (first->ready) task->limits[LIMIT_START] = 0;
  task_enter(tasks, task, first->heartbeat, first->stay);
  task->every = first->every;
  task->phase = PHASE_ACTOR;
  lua_rawgeti(L, -1, 1);
  task_set_value(L, task, VALUE_ACTOR);
  lua_pop(L, 1);
}

bool turn_begin(struct tasks *tasks, struct task *task) {
  lua_State *L = tasks->L;
  uint32_t serial = task->serial;
  if (tasks->handlers[HANDLER_BEGIN] == LUA_REFNIL) return true;
  lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->handlers[HANDLER_BEGIN]);
  task_push_value(L, task, VALUE_OBJECT);
  lua_pushnumber(L, (double)schedule_now(tasks->schedule) / 1e9);
  if (vm_call(L, 2, 1) != LUA_OK) return task->serial == serial;
  bool open = task->serial == serial;
  if (open && lua_istable(L, -1))
    begin_with(tasks, task);
  else
    lua_pop(L, 1);
  return open;
}

/* ---- out ---- */

bool turn_end(struct tasks *tasks, struct task *task, lua_State *co) {
  lua_State *L = tasks->L;
  lua_pushvalue(co, 1);
  lua_xmove(co, L, 1);
  lua_pushvalue(L, -1);
  if (lua_rawget(L, tasks->endings) == LUA_TNIL) {
    lua_pop(L, 2);
    return false;
  }
  lua_insert(L, -2);
  lua_settop(co, 0);
  tasks->endings = 0;
  tasks->current = NULL;
  task_close(tasks, task);
  return true;
}

int task_finish(struct tasks *tasks, struct task *task, uint64_t duration, lua_State *L,
                int endings) {
  int top = lua_gettop(L);
  tasks->endings = L == tasks->L && !tasks->current ? endings : 0;
  task_stop(tasks, task, duration, L);
  tasks->endings = 0;
  return lua_gettop(L) - top;
}
