/* SPDX-License-Identifier: Apache-2.0 */
/* Engine: a Lua state and a runtime set up together: the host has one on the main
 * thread, each guest one of its own. Thread: the one that opened it. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct mould;
struct runtime;
struct vm;

struct engine {
  struct vm *vm;
  struct runtime *runtime;
};

/* Sets up both, with the host's modules and luv; see runtime_new. Returns 0 or a libuv
 * code. */
int engine_open(struct engine *engine, unsigned near_bits);

/* As engine_open, with a state poured from a mould; it was filled by engine_set_up. */
int engine_pour(struct engine *engine, unsigned near_bits, const struct mould *mould);

/* Gives a state what every engine's has. */
void engine_set_up(lua_State *L);

/* Calls require(module).main with the value on top of the stack, which it pops. Returns
 * the integer that it returned, -1 for nil, or 1 for an error, which was reported. */
int engine_main(struct engine *engine, const char *module);

/* See runtime_run. */
void engine_run(struct engine *engine);

/* Closes every handle, then the state, then the loop; in this order nothing of a closed
 * state is touched. False when something would not end, a request in a thread of libuv's
 * pool that blocks: then the engine has to be left as it is. */
bool engine_close(struct engine *engine);

/* The most that engine_close and what follows it wait for output, in ms. */
enum { ENGINE_FLUSH_MS = 1000 };
