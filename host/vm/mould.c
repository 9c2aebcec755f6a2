/* SPDX-License-Identifier: Apache-2.0 */
/* Mould: see mould.h. */
#include "vm/mould.h"

#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/interrupt.h"
#include "vm/vm.h"

enum { ROOM = 1 << 20, WORD = sizeof(uintptr_t), BITS = 64 };

struct mould {
  struct vm *vm;
  size_t groups;    /* of 64 words */
  uint64_t marks[]; /* the words that are pointers into the memory */
};

/* ---- pouring ---- */

static void shift(char *base, ptrdiff_t distance, const uint64_t *marks, size_t groups) {
  uintptr_t *words = (uintptr_t *)base;
  for (size_t group = 0; group < groups; group++, words += BITS)
    for (uint64_t left = marks[group]; left; left &= left - 1)
      words[__builtin_ctzll(left)] += (uintptr_t)distance;
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

static bool call(struct vm *vm, lua_CFunction function) {
  lua_pushcfunction(vm->L, function);
  vm->memory.guarded++;
  int status = lua_pcall(vm->L, 0, 0, 0);
  vm->memory.guarded--;
  return status == LUA_OK;
}

static struct vm *pour(const struct mould *mould) {
  const struct vm *from = mould->vm;
  struct vm *vm = calloc(1, sizeof *vm);
  if (!vm) return NULL;
  if (!memory_copy(&vm->memory, &from->memory)) {
    free(vm);
    return NULL;
  }
  ptrdiff_t distance = vm->memory.gathered - from->memory.gathered;
  shift(vm->memory.gathered, distance, mould->marks, mould->groups);
  vm->L = (lua_State *)((char *)from->L + distance);
  lua_setallocf(vm->L, memory_alloc, &vm->memory);
  *(struct vm **)lua_getextraspace(vm->L) = vm;
  vm->handler = from->handler;
  return vm;
}

struct vm *mould_pour(const struct mould *mould) {
  struct vm *vm = pour(mould);
  if (!vm || call(vm, settle)) return vm;
  vm_free(vm);
  return NULL;
}

/* ---- making ---- */

static bool refuse(char problem[MOULD_PROBLEM], const char *text) {
  snprintf(problem, MOULD_PROBLEM, "%s", text ? text : "an error without a text");
  return false;
}

static struct vm *new_vm(char problem[MOULD_PROBLEM]) {
  struct vm *vm = NULL;
  if (strcmp(LUA_RELEASE, MOULD_LUA) != 0 || WORD != sizeof(uint64_t))
    refuse(problem, "not verified for this version of Lua");
  else if (!(vm = vm_gather(MOULD_ADDRESS, ROOM)))
    refuse(problem, "not enough memory, or an allocator that gathers nothing");
  else if (vm->memory.gathered != MOULD_ADDRESS)
    refuse(problem, "no memory at the address of moulds");
  else
    return vm;
  if (vm) vm_free(vm);
  return NULL;
}

static int pack(lua_State *L) {
  interrupt_pack(L);
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT); /* what had a finalizer */
  return 0;
}

static bool fill_state(struct vm *vm, lua_CFunction fill, char problem[MOULD_PROBLEM]) {
  if (call(vm, fill) && call(vm, pack)) return true;
  return refuse(problem, lua_tostring(vm->L, -1));
}

static void mark(struct mould *mould) {
  const struct memory *memory = &mould->vm->memory;
  uintptr_t first = (uintptr_t)memory->gathered, past = (uintptr_t)memory->fresh;
  const uintptr_t *words = (const uintptr_t *)memory->gathered;
  for (size_t i = 0; i < (past - first) / WORD; i++)
    if (words[i] >= first && words[i] <= past) /* one past a block is a pointer as well */
      mould->marks[i / BITS] |= UINT64_C(1) << i % BITS;
}

static struct mould *take(struct vm *vm, char problem[MOULD_PROBLEM]) {
  size_t groups = memory_gathered(&vm->memory) / WORD / BITS + 1;
  struct mould *mould = calloc(1, sizeof *mould + groups * sizeof *mould->marks);
  if (!mould) {
    refuse(problem, "not enough memory");
    vm_free(vm);
    return NULL;
  }
  mould->vm = vm;
  mould->groups = groups;
  mark(mould);
  return mould;
}

/* Whether what is poured is sound. */
static bool prove(const struct mould *mould, char problem[MOULD_PROBLEM]) {
  struct vm *vm = pour(mould);
  if (!vm) return refuse(problem, "not enough memory");
  bool sound = call(vm, mould_examine) || refuse(problem, lua_tostring(vm->L, -1));
  if (!sound) vm->L = NULL; /* not closed: what it has open is the mould's as well */
  vm_free(vm);
  return sound;
}

struct mould *mould_new(lua_CFunction fill, char problem[MOULD_PROBLEM]) {
  struct vm *vm = new_vm(problem);
  if (!vm) return NULL;
  if (!fill_state(vm, fill, problem)) {
    vm_free(vm);
    return NULL;
  }
  struct mould *mould = take(vm, problem);
  if (!mould || prove(mould, problem)) return mould;
  mould_free(mould);
  return NULL;
}

void mould_free(struct mould *mould) {
  vm_free(mould->vm);
  free(mould);
}
