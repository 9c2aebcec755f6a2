/* SPDX-License-Identifier: Apache-2.0 */
/* Mould: pours states. See mould.h. */
#include "vm/mould.h"

#include <lualib.h>
#include <stdlib.h>
#include <time.h>

#include "base/interrupt.h"
#include "vm/mould_store.h"
#include "vm/vm.h"

enum { BITS = 64 };

static void move_along(const struct mould *mould, char *base) {
  uintptr_t *words = (uintptr_t *)(void *)base;
  for (size_t group = 0; group < mould->groups; group++, words += BITS)
    for (uint64_t left = mould->marks[group]; left; left &= left - 1)
      words[__builtin_ctzll(left)] += (uintptr_t)base;
}

/* math.random's generator begins anew. */
static void seed_random(lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_getglobal(L, LUA_MATHLIBNAME);
  lua_getfield(L, -1, "randomseed");
  lua_pushinteger(L, (lua_Integer)now.tv_sec * 1000000000 + now.tv_nsec);
  lua_pushinteger(L, (lua_Integer)(uintptr_t)L);
  lua_call(L, 2, 0);
  lua_pop(L, 1);
}

static int settle(lua_State *L) {
  interrupt_unpack(L);
  seed_random(L);
  return 0;
}

bool mould_call(struct vm *vm, lua_CFunction function) {
  lua_pushcfunction(vm->L, function);
  vm->memory.guarded++;
  int status = lua_pcall(vm->L, 0, 0, 0);
  vm->memory.guarded--;
  return status == LUA_OK;
}

struct vm *mould_pour_raw(const struct mould *mould) {
  struct vm *vm = calloc(1, sizeof *vm);
  if (!vm || !memory_pour(&vm->memory, &mould->image)) {
    free(vm);
    return NULL;
  }
  move_along(mould, vm->memory.poured);
  vm->L = (lua_State *)(void *)(vm->memory.poured + mould->state);
  lua_setallocf(vm->L, memory_alloc, &vm->memory);
  *(struct vm **)lua_getextraspace(vm->L) = vm;
  vm->handler = mould->handler;
  return vm;
}

struct vm *mould_pour(const struct mould *mould) {
  struct vm *vm = mould_pour_raw(mould);
  if (!vm || mould_call(vm, settle)) return vm;
  vm_free(vm);
  return NULL;
}
