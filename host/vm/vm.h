/* SPDX-License-Identifier: Apache-2.0 */
/* Vm: one Lua state with its allocator, and the only way from C into Lua.
 * The struct hangs in the state's extra space, so every coroutine finds it without a
 * registry lookup. Owns the state. Thread: the one that made it. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/interrupt.h"
#include "base/memory.h"

struct runtime;

struct vm {
  struct interrupt interrupt; /* first: found through the extra space */
  lua_State *L;
  struct memory memory;
  struct runtime *runtime; /* borrowed; NULL until one is attached */
  bool relaxed;            /* see vm_relax */
  bool loads;              /* a chunk of the library, see modules.c */
  int handler;             /* registry reference of the message handler */
};

/* Makes a state with the standard libraries; [limit] in bytes, 0 for none. Returns owned,
 * NULL when out of memory. Thread: any, which then owns it. */
struct vm *vm_new(size_t limit);

/* As vm_new, with a state that has its memory from elsewhere. Thread: as vm_new. */
struct vm *vm_new_from(lua_Alloc alloc, void *ud);

/* Something has failed for want of memory: allows once for some more, so that it can be
 * told. Thread: owner. */
void vm_relax(struct vm *vm);

/* Closes the state and frees the vm; every handle of the loop that Lua made must be
 * closed before. Thread: owner. */
void vm_free(struct vm *vm);

/* The vm of a state or of any of its coroutines. Thread: owner. */
struct vm *vm_of(lua_State *L);

/* Calls the function below [nargs] arguments; every entry from C into Lua goes through
 * here. On an error it reports message and traceback to stderr or to the reporter set by
 * vm_set_reporter, leaves nothing on the stack and returns the status. Thread: owner. */
int vm_call(lua_State *L, int nargs, int nresults);

/* As vm_call, but leaves the message with its traceback on the stack instead of
 * reporting it. Thread: owner. */
int vm_pcall(lua_State *L, int nargs, int nresults);

/* Takes the function on top of the stack as reporter(message) of uncaught errors.
 * Thread: owner. */
void vm_set_reporter(lua_State *L);

/* Pushes a one-line text of the error object at [index]; never raises. Thread: owner. */
void vm_push_message(lua_State *L, int index);

/* Pushes a traceback of the coroutine [co], one frame a line, without the cost of
 * luaL_traceback's search for global names. Thread: owner. */
void vm_push_traceback(lua_State *L, lua_State *co, int level);
