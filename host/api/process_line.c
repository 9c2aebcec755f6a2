/* SPDX-License-Identifier: Apache-2.0 */
/* Process line: see process_line.h. Thread: main. */
#include "api/process_line.h"

#include "vm/vm.h"

void process_line(lua_State *L, int which, const char *line, size_t len) {
  int function = lua_gettop(L);
  lua_pushvalue(L, function);
  lua_pushlstring(L, line, len);
  if (vm_call(L, 1, 1) == LUA_OK && lua_toboolean(L, -1)) {
    lua_pushvalue(L, function);
    lua_setiuservalue(L, function - 1, which);
  }
  lua_settop(L, function - 2);
}
