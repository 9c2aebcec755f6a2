/* SPDX-License-Identifier: Apache-2.0 */
/* Vm: makes and closes a Lua state, calls into it, words its errors. See vm.h. */
#include "vm/vm.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACEBACK_FRAMES = 16, TRACEBACK_BYTES = 2048, RELAXED_BYTES = 256 << 10 };

static char reporter_key; /* registry key of the reporter function */

struct vm *vm_of(lua_State *L) {
  return *(struct vm **)lua_getextraspace(L);
}

/* Text of a traceback, cut off where the room ends. */
struct text {
  char bytes[TRACEBACK_BYTES];
  size_t length;
};

static void add(struct text *text, const char *string) {
  size_t room = sizeof text->bytes - text->length;
  size_t length = strnlen(string, room);
  memcpy(text->bytes + text->length, string, length);
  text->length += length;
}

static void add_number(struct text *text, int number) {
  char digits[12];
  char *at = digits + sizeof digits;
  *--at = '\0';
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  add(text, at);
}

static void add_frame(struct text *text, const lua_Debug *ar) {
  add(text, ar->short_src);
  add(text, ":");
  if (ar->currentline > 0) {
    add_number(text, ar->currentline);
    add(text, ":");
  }
  if (ar->name) {
    add(text, " in ");
    add(text, *ar->namewhat ? ar->namewhat : "function");
    add(text, " '");
    add(text, ar->name);
    add(text, "'");
  } else if (*ar->what == 'm') {
    add(text, " in main chunk");
  } else if (*ar->what != 'C') {
    add(text, " in a function of line ");
    add_number(text, ar->linedefined);
  }
}

void vm_push_traceback(lua_State *L, lua_State *co, int level) {
  struct text text = {.length = 0};
  lua_Debug ar;
  for (int n = 0; n < TRACEBACK_FRAMES && lua_getstack(co, level, &ar); level++) {
    lua_getinfo(co, "S", &ar);
    if (n == 0 && *ar.what == 'C') continue; /* error() itself */
    lua_getinfo(co, "ln", &ar);
    if (n++ > 0) add(&text, "\n");
    add_frame(&text, &ar);
  }
  if (lua_getstack(co, level, &ar)) add(&text, "\n...");
  lua_pushlstring(L, text.bytes, text.length);
}

/* Every lua_pcall from C goes through here, where the watchdog sees it. */
static int call_protected(lua_State *L, int nargs, int nresults, int handler) {
  struct interrupt *interrupt = &vm_of(L)->interrupt;
  struct interrupt_frame frame;
  struct memory *memory = &vm_of(L)->memory;
  interrupt_enter(interrupt, &frame, L, INTERRUPT_LOOP);
  memory->guarded++;
  int status = lua_pcall(L, nargs, nresults, handler);
  memory->guarded--;
  interrupt_leave(interrupt, &frame);
  if (status == LUA_ERRMEM) vm_relax(vm_of(L));
  return status;
}

static int to_text(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

static bool has_text(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TNUMBER) return true;
  if (luaL_getmetafield(L, index, "__tostring") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}

void vm_push_message(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TSTRING) {
    lua_pushvalue(L, index);
    return;
  }
  index = lua_absindex(L, index);
  if (has_text(L, index)) {
    lua_pushcfunction(L, to_text); /* a __tostring of the user's may raise */
    lua_pushvalue(L, index);
    if (call_protected(L, 1, 1, 0) == LUA_OK && lua_type(L, -1) == LUA_TSTRING) return;
    lua_pop(L, 1);
  }
  lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, index));
}

/* message handler: error object -> "message\ntraceback" */
static int message_handler(lua_State *L) {
  vm_push_message(L, 1);
  lua_pushliteral(L, "\n");
  vm_push_traceback(L, L, 1);
  lua_concat(L, 3);
  return 1;
}

int vm_pcall(lua_State *L, int nargs, int nresults) {
  int base = lua_gettop(L) - nargs;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->handler);
  lua_insert(L, base);
  int status = call_protected(L, nargs, nresults, base);
  lua_remove(L, base);
  return status;
}

static void report_to_stderr(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  fprintf(stderr, "luvisor: %s\n", text ? text : "unknown error");
  lua_pop(L, 1);
}

/* pops the message on top and hands it to the reporter */
static void report(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &reporter_key) != LUA_TFUNCTION) {
    lua_pop(L, 1);
    report_to_stderr(L);
    return;
  }
  lua_insert(L, -2);
  lua_pushvalue(L, -1);
  lua_insert(L, -3); /* message, reporter, message */
  if (call_protected(L, 1, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
    report_to_stderr(L);
    return;
  }
  lua_pop(L, 1);
}

int vm_call(lua_State *L, int nargs, int nresults) {
  int status = vm_pcall(L, nargs, nresults);
  if (status != LUA_OK) report(L);
  return status;
}

void vm_set_reporter(lua_State *L) {
  lua_rawsetp(L, LUA_REGISTRYINDEX, &reporter_key);
}

static int open_libraries(lua_State *L) {
  struct vm *vm = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lua_pushcfunction(L, message_handler);
  vm->handler = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static struct vm *open_state(struct vm *vm, lua_Alloc alloc, void *ud) {
  vm->memory.guarded = 1;
  vm->L = lua_newstate(alloc, ud);
  if (!vm->L) goto fail;
  *(struct vm **)lua_getextraspace(vm->L) = vm;
  lua_pushcfunction(vm->L, open_libraries);
  lua_pushlightuserdata(vm->L, vm);
  if (lua_pcall(vm->L, 1, 0, 0) != LUA_OK) goto fail;
  vm->memory.guarded = 0;
  return vm;
fail:
  vm_free(vm);
  return NULL;
}

struct vm *vm_new(size_t limit) {
  struct vm *vm = calloc(1, sizeof *vm);
  if (!vm) return NULL;
  vm->memory.limit = limit;
  return open_state(vm, memory_alloc, &vm->memory);
}

struct vm *vm_new_from(lua_Alloc alloc, void *ud) {
  struct vm *vm = calloc(1, sizeof *vm);
  return vm ? open_state(vm, alloc, ud) : NULL;
}

void vm_relax(struct vm *vm) {
  if (vm->relaxed || !vm->memory.limit) return;
  vm->relaxed = true;
  vm->memory.limit += RELAXED_BYTES;
}

void vm_free(struct vm *vm) {
  if (vm->L) lua_close(vm->L);
  memory_release(&vm->memory);
  free(vm);
}
