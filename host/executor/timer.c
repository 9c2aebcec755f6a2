/* SPDX-License-Identifier: Apache-2.0 */
/* Timer: see timer.h. The registry maps the address of each armed timer to its userdata,
 * whose user values are the function and its two arguments. */
#include "executor/timer.h"

#include "executor/task.h"
#include "vm/vm.h"

static char metatable_key;

static void push_metatable(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushliteral(L, "timer");
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
}

/* [function, a, b] -> [timer] */
void timer_start(lua_State *L, struct schedule *schedule, uint64_t ns, bool served) {
  struct deadline *deadline = lua_newuserdatauv(L, sizeof *deadline, 3);
  *deadline = (struct deadline){.kind = DEADLINE_TIMER};
  push_metatable(L);
  lua_setmetatable(L, -2);
  lua_insert(L, -4);
  for (int value = 3; value >= 1; value--) lua_setiuservalue(L, -1 - value, value);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, deadline);
  if (served)
    schedule_guard(schedule, deadline, schedule_served(schedule) + ns);
  else if (ns)
    schedule_wake(schedule, deadline, schedule_now(schedule) + ns);
  else
    schedule_wake_soon(schedule, deadline);
}

bool timer_is(lua_State *L, int index) {
  if (!lua_isuserdata(L, index) || !lua_getmetatable(L, index)) return false;
  push_metatable(L);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

static void forget(lua_State *L, struct deadline *deadline) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, deadline);
}

void timer_cancel(lua_State *L, int index) {
  struct deadline *deadline = lua_touserdata(L, index);
  if (!deadline_is_armed(deadline)) return;
  deadline_cancel(deadline);
  forget(L, deadline);
}

void timer_expired(lua_State *L, struct deadline *deadline) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, deadline);
  forget(L, deadline);
  for (int value = 1; value <= 3; value++) lua_getiuservalue(L, -value, value);
  lua_remove(L, -4);
  vm_call(L, 2, 0);
}
