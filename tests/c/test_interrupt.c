/* SPDX-License-Identifier: Apache-2.0 */
#include <lauxlib.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/coroutine.h"
#include "executor/watchdog.h"
#include "vm/vm.h"

#define MS UINT64_C(1000000)

/* Under ThreadSanitizer a signal arrives only where the allocator is called. */
#define SPIN "while true do local _ = {} end"

static struct vm *vm;
static struct interrupt *interrupt;
static lua_State *L;

static int setup(void **state) {
  (void)state;
  vm = vm_new(0);
  if (!vm) return -1;
  L = vm->L;
  interrupt = &vm->interrupt;
  coroutine_install(L);
  return interrupt_adopt(interrupt);
}

static int teardown(void **state) {
  (void)state;
  interrupt_adopt(NULL);
  vm_free(vm);
  return 0;
}

static void load(lua_State *to, const char *code) {
  assert_int_equal(luaL_loadbuffer(to, code, strlen(code), "=code"), LUA_OK);
}

/* order(level): as if somebody had requested it while this runs */
static int order(lua_State *to) {
  interrupt_order(interrupt_of(to), (enum interrupt_level)lua_tointeger(to, 1));
  return 0;
}

static lua_State *new_task(const char *code) {
  lua_State *co = lua_newthread(L);
  lua_register(L, "order", order);
  load(co, code);
  return co;
}

static int run_task(lua_State *co, enum interrupt_level *raised) {
  struct interrupt_frame frame;
  int count;
  interrupt_enter(interrupt, &frame, co, INTERRUPT_TASK);
  int status = lua_resume(co, L, 0, &count);
  *raised = interrupt_leave(interrupt, &frame);
  if (status != LUA_OK && status != LUA_YIELD) interrupt_heal(co);
  return status;
}

static void slices_a_task(void **state) {
  (void)state;
  enum interrupt_level raised;
  lua_State *co = new_task("order(1) local x = 1 x = x + 1 return x");
  assert_int_equal(run_task(co, &raised), LUA_YIELD);
  assert_true(interrupt_take_preempted(interrupt));
  assert_int_equal(raised, INTERRUPT_NONE);
  assert_int_equal(run_task(co, &raised), LUA_OK);
  assert_int_equal(lua_tointeger(co, -1), 2);
}

static void passes_a_slice_through_coroutines(void **state) {
  (void)state;
  enum interrupt_level raised;
  lua_State *co = new_task(
      "local function inner() order(1) local a = 1 coroutine.yield(a) return a + 1 end "
      "local function outer() local co = coroutine.create(inner) "
      "  local _, x = coroutine.resume(co) local _, y = coroutine.resume(co) "
      "  return x, y, coroutine.status(co) end "
      "return coroutine.wrap(outer)()");
  assert_int_equal(run_task(co, &raised), LUA_YIELD);
  assert_true(interrupt_take_preempted(interrupt));
  assert_int_equal(run_task(co, &raised), LUA_OK);
  assert_int_equal(lua_gettop(co), 3);
  assert_int_equal(lua_tointeger(co, 1), 1);
  assert_int_equal(lua_tointeger(co, 2), 2);
  assert_string_equal(lua_tostring(co, 3), "dead");
}

/* Where no yield can pass, the slice is forgotten. */
static void does_not_slice_below_c(void **state) {
  (void)state;
  enum interrupt_level raised;
  lua_State *co = new_task(
      "local s = ('ab'):gsub('.', function(c) order(1) local d = c .. c return d end); "
      "('x'):gsub('x', function() coroutine.wrap(function() order(1) s = s .. '!' end)() "
      "end) return s");
  assert_int_equal(run_task(co, &raised), LUA_OK);
  assert_string_equal(lua_tostring(co, -1), "aabb!");
  assert_false(interrupt_is_preempted(interrupt));
}

static void cancels_once(void **state) {
  (void)state;
  enum interrupt_level raised;
  lua_State *co = new_task(
      "local ok, message = pcall(function() order(2) local x = 1 end) "
      "local y = 1 return ok, message");
  assert_int_equal(run_task(co, &raised), LUA_OK);
  assert_int_equal(raised, INTERRUPT_CANCEL);
  assert_false(lua_toboolean(co, -2));
  assert_string_equal(lua_tostring(co, -1), "code:1: cancelled");
}

static void kills_again_and_again(void **state) {
  (void)state;
  enum interrupt_level raised;
  lua_State *co = new_task("order(3) while true do pcall(function() " SPIN " end) end");
  assert_int_equal(run_task(co, &raised), LUA_ERRRUN);
  assert_int_equal(raised, INTERRUPT_KILL);
  lua_resetthread(co);
  load(L, "local n = 0 for i = 1, 10 do n = n + i end return n");
  assert_int_equal(vm_call(L, 0, 1), LUA_OK);
  assert_int_equal(lua_tointeger(L, -1), 55); /* the next entry is not hit */
}

/* An error out of a hook leaves hooks off: without interrupt_heal this never ends. */
static void can_interrupt_what_it_cancelled(void **state) {
  (void)state;
  struct interrupt_frame frame;
  enum interrupt_level raised;
  lua_State *co =
      new_task("local _ <close> = setmetatable({}, { __close = function() order(3) " SPIN
               " end }) "
               "order(2) local x = 1");
  assert_int_equal(run_task(co, &raised), LUA_ERRRUN);
  assert_int_equal(raised, INTERRUPT_CANCEL);
  interrupt_enter(interrupt, &frame, co, INTERRUPT_TASK);
  assert_int_not_equal(lua_resetthread(co), LUA_OK);
  assert_int_equal(interrupt_leave(interrupt, &frame), INTERRUPT_KILL);
}

/* Its own steps are never cut; what it calls is. */
static void spares_the_library(void **state) {
  (void)state;
  static const char library[] =
      "local fn = ... order(2) for i = 1, 1000 do local x = i end done = true fn()";
  enum interrupt_level raised;
  lua_State *co = new_task("library(function() while true do end end) after = true");
  assert_int_equal(luaL_loadbuffer(L, library, sizeof library - 1, "=library"), LUA_OK);
  interrupt_exempt(L);
  lua_setglobal(L, "library");
  assert_int_equal(run_task(co, &raised), LUA_ERRRUN);
  assert_int_equal(raised, INTERRUPT_CANCEL);
  assert_string_equal(lua_tostring(co, -1), "code:1: cancelled");
  assert_int_equal(lua_getglobal(L, "done"), LUA_TBOOLEAN);
  assert_int_equal(lua_getglobal(L, "after"), LUA_TNIL);
}

static void ignores_a_late_request(void **state) {
  (void)state;
  uint64_t entry = atomic_load(&interrupt->entry);
  assert_false(entry & 1);
  assert_true(interrupt_request(interrupt, entry + 1, INTERRUPT_KILL) == false);
  enum interrupt_level raised;
  lua_State *co = new_task("local x = 1 return x");
  assert_int_equal(run_task(co, &raised), LUA_OK);
}

static const struct watchdog_budget budget = {5 * MS, 100 * MS, 100 * MS};

static void is_cut_by_the_watchdog(void **state) {
  (void)state;
  struct watch *watch;
  enum interrupt_level raised;
  lua_State *co = new_task(SPIN);
  assert_int_equal(watchdog_add(interrupt, &budget, NULL, &watch), 0);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(run_task(co, &raised), LUA_YIELD);
    assert_true(interrupt_take_preempted(interrupt));
  }
  watchdog_remove(watch);
  interrupt_adopt(interrupt);
}

static void is_killed_by_the_watchdog(void **state) {
  (void)state;
  struct watch *watch;
  assert_int_equal(watchdog_add(interrupt, &budget, NULL, &watch), 0);
  load(L, "while true do pcall(function() " SPIN " end) end");
  assert_int_equal(vm_pcall(L, 0, 0), LUA_ERRRUN);
  assert_non_null(strstr(lua_tostring(L, -1), "killed"));
  watchdog_remove(watch);
  interrupt_adopt(interrupt);
}

/* What was cancelled has no second stall before it: this one would take an hour. */
static void is_killed_soon_after_a_cancel(void **state) {
  (void)state;
  static const struct watchdog_budget patient = {5 * MS, 3600000 * MS, 100 * MS};
  struct watch *watch;
  assert_int_equal(watchdog_add(interrupt, &patient, NULL, &watch), 0);
  lua_register(L, "order", order);
  load(L,
       "pcall(function()\n"
       "  local c <close> = setmetatable({}, { __close = function() " SPIN
       " end })\n"
       "  order(2)\n"
       "  while true do local _ = {} end\n"
       "end)");
  assert_int_equal(vm_pcall(L, 0, 0), LUA_ERRRUN);
  assert_non_null(strstr(lua_tostring(L, -1), "killed"));
  watchdog_remove(watch);
  interrupt_adopt(interrupt);
}

static void pause_ms(long ms) {
  struct timespec at = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&at, &at) < 0) continue;
}

/* Nobody looks while nothing happens; the first entry afterwards is noticed. */
static void sleeps_while_all_is_quiet(void **state) {
  (void)state;
  struct watch *watch;
  enum interrupt_level raised;
  assert_int_equal(watchdog_add(interrupt, &budget, NULL, &watch), 0);
  uint64_t before, after = watchdog_looks();
  do { /* it needs a few looks to find out */
    before = after;
    pause_ms(100);
    after = watchdog_looks();
  } while (after != before);
  lua_State *co = new_task(SPIN);
  assert_int_equal(run_task(co, &raised), LUA_YIELD);
  assert_true(interrupt_take_preempted(interrupt));
  assert_true(watchdog_looks() > after);
  watchdog_remove(watch);
  interrupt_adopt(interrupt);
}

static int nap(lua_State *to) {
  (void)to;
  pause_ms(400);
  return 0;
}

/* What waits in C uses no processor time: it is not cancelled for it. */
static void leaves_the_blocked_alone(void **state) {
  (void)state;
  struct watch *watch;
  assert_int_equal(watchdog_add(interrupt, &budget, NULL, &watch), 0);
  lua_register(L, "nap", nap);
  load(L, "nap() local x = 1 return x");
  assert_int_equal(vm_pcall(L, 0, 1), LUA_OK);
  watchdog_remove(watch);
  interrupt_adopt(interrupt);
}

static void *guest(void *unused) {
  (void)unused;
  struct vm *mine = vm_new(0);
  struct watch *watch;
  assert_non_null(mine);
  assert_int_equal(watchdog_add(&mine->interrupt, &budget, NULL, &watch), 0);
  assert_int_equal(luaL_loadstring(mine->L, SPIN), LUA_OK);
  assert_int_equal(vm_pcall(mine->L, 0, 0), LUA_ERRRUN);
  watchdog_remove(watch);
  vm_free(mine);
  return NULL;
}

/* Threads of guests take no signals but ours. */
static void watches_many_threads(void **state) {
  (void)state;
  enum { GUESTS = 8 };
  pthread_t threads[GUESTS];
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = 0; i < GUESTS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, guest, NULL), 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  for (int i = 0; i < GUESTS; i++) pthread_join(threads[i], NULL);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(slices_a_task),
      TEST(passes_a_slice_through_coroutines),
      TEST(does_not_slice_below_c),
      TEST(cancels_once),
      TEST(kills_again_and_again),
      TEST(can_interrupt_what_it_cancelled),
      TEST(spares_the_library),
      TEST(ignores_a_late_request),
      TEST(is_cut_by_the_watchdog),
      TEST(is_killed_by_the_watchdog),
      TEST(is_killed_soon_after_a_cancel),
      TEST(sleeps_while_all_is_quiet),
      TEST(leaves_the_blocked_alone),
      TEST(watches_many_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
