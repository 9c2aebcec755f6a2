/* SPDX-License-Identifier: Apache-2.0 */
/* What a turn may take of the memory, and what it leaves of the limits. */
#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/deadline.h"
#include "engine.h"
#include "executor/runtime.h"
#include "executor/task.h"
#include "vm/vm.h"

#define MIB ((size_t)1 << 20)

static struct engine engine;

static const char *const handlers =
    "local function nothing() end\n"
    "require('host.task').set_handlers {\n"
    "  begin = nothing, ready = nothing, finished = nothing, late = nothing,\n"
    "  beat = nothing, serve = nothing,\n"
    "  failed = function(_, kind) failed = kind end,\n"
    "  advance = function(actor) return actor, nil, false end,\n"
    "}\n";

static int setup(void **state) {
  (void)state;
  int error = engine_open(&engine, DEADLINE_FEW_BITS);
  if (error) return error;
  lua_State *L = engine.vm->L;
  return luaL_loadbuffer(L, handlers, strlen(handlers), "=handlers") || vm_pcall(L, 0, 0);
}

static int teardown(void **state) {
  (void)state;
  return engine_close(&engine) ? 0 : -1;
}

static int take_much(lua_State *L) {
  lua_newuserdatauv(L, 64 * MIB, 0);
  return 0;
}

/* The actor: what is called by it fails for want of memory, it itself does not. */
static int call_greedy(lua_State *L) {
  lua_pushcfunction(L, take_much);
  assert_int_equal(vm_call(L, 0, 0), LUA_ERRMEM);
  lua_pushliteral(L, "keepalive");
  return 1;
}

static int take_some(lua_State *L) {
  lua_newuserdatauv(L, MIB, 0);
  lua_pushliteral(L, "keepalive");
  return 1;
}

/* A task with its first turn to come; it has [bytes] for it, if that is not 0. */
static void run(lua_CFunction actor, size_t bytes) {
  struct tasks *tasks = runtime_tasks(engine.runtime);
  lua_pushcfunction(engine.vm->L, actor);
  struct task *task = task_open(tasks, engine.vm->L);
  assert_non_null(task);
  task_begin(tasks, task, false);
  lua_gc(engine.vm->L, LUA_GCCOLLECT); /* what others have left is no room */
  if (bytes) task_bound(tasks, task, bytes);
  tasks_run(tasks, 1);
}

static bool has_failed(void) {
  lua_getglobal(engine.vm->L, "failed");
  bool failed = lua_toboolean(engine.vm->L, -1);
  lua_pop(engine.vm->L, 1);
  return failed;
}

static void what_is_relaxed_in_a_turn_stays(void **state) {
  (void)state;
  size_t limit = engine.vm->memory.used + 4 * MIB;
  engine.vm->memory.limit = limit;
  run(call_greedy, 0);
  assert_true(engine.vm->relaxed);
  assert_true(engine.vm->memory.limit > limit);
  assert_false(has_failed());
}

static void what_is_relaxed_in_a_bounded_turn_is_the_tasks(void **state) {
  (void)state;
  size_t limit = engine.vm->memory.used + 4 * MIB;
  engine.vm->memory.limit = limit;
  run(call_greedy, 2 * MIB);
  assert_false(engine.vm->relaxed);
  assert_int_equal(engine.vm->memory.limit, limit);
  run(call_greedy, 0);
  assert_true(engine.vm->memory.limit > limit);
}

static void a_bound_may_be_huge(void **state) {
  (void)state;
  run(take_some, ((size_t)1 << 42) + 1);
  assert_false(has_failed());
  run(take_some, (size_t)INT64_MAX);
  assert_false(has_failed());
  run(take_some, MIB / 2); /* the control */
  assert_true(has_failed());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_relaxed_in_a_turn_stays, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_relaxed_in_a_bounded_turn_is_the_tasks,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(a_bound_may_be_huge, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
