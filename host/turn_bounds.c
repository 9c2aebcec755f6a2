/* SPDX-License-Identifier: Apache-2.0 */
/* Turn: its ways in and out that need no machine on the coroutine: to the first actor, and
 * from the last one to the end that is known beforehand. See task_store.h. */
#include "task_store.h"
#include "vm.h"

/* ---- in ---- */

void turn_set_actor(lua_State *L, struct task *task) {
  task->every = schedule_ns(lua_tonumber(L, -1));
  lua_pop(L, 1);
  task_set_value(L, task, VALUE_ACTOR);
  task->phase = PHASE_ACTOR;
}

/* L: [..., actor, every, heartbeat, stay, ready] -> [...] */
static void begin_with(struct tasks *tasks, struct task *task) {
  lua_State *L = tasks->L;
  if (lua_toboolean(L, -1)) task->limits[LIMIT_START] = 0;
  task_enter(tasks, task, schedule_ns(lua_tonumber(L, -3)),
             schedule_ns(lua_tonumber(L, -2)));
  lua_pop(L, 3);
  turn_set_actor(L, task);
}

bool turn_begin(struct tasks *tasks, struct task *task) {
  lua_State *L = tasks->L;
  uint32_t serial = task->serial;
  lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->handlers[HANDLER_BEGIN]);
  task_push_value(L, task, VALUE_OBJECT);
  if (vm_call(L, 1, 5) != LUA_OK) return task->serial == serial;
  bool open = task->serial == serial;
  if (open && lua_isfunction(L, -5))
    begin_with(tasks, task);
  else
    lua_pop(L, 5);
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
