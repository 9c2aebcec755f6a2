/* SPDX-License-Identifier: Apache-2.0 */
/* States: what the tests of moulds do with a Lua state. */
#pragma once
#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vm/vm.h"

/* Runs a piece of Lua, which may raise. */
static inline void run(lua_State *L, const char *code) {
  if (luaL_loadstring(L, code) != LUA_OK) lua_error(L);
  lua_call(L, 0, 0);
}

/* Runs one that must not fail. */
static inline void expect(struct vm *vm, const char *code) {
  assert_int_equal(luaL_loadstring(vm->L, code), LUA_OK);
  if (vm_pcall(vm->L, 0, 0) != LUA_OK) fail_msg("%s", lua_tostring(vm->L, -1));
}
