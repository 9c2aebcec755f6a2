/* SPDX-License-Identifier: Apache-2.0 */
#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vm/vm.h"

static struct vm *vm;
static lua_State *L;

static int setup(void **state) {
  (void)state;
  vm = vm_new(0);
  if (!vm) return -1;
  L = vm->L;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  vm_free(vm);
  return 0;
}

static void load(const char *code) {
  assert_int_equal(luaL_loadbuffer(L, code, strlen(code), "=code"), LUA_OK);
}

/* A reporter that keeps what it is told in the global `said`. */
static void keep_reports(void) {
  load("said = ''; return function(text) said = said .. text end");
  assert_int_equal(vm_pcall(L, 0, 1), LUA_OK);
  vm_set_reporter(L);
}

static const char *said(void) {
  lua_getglobal(L, "said");
  return lua_tostring(L, -1); /* stays on the stack, which is closed with the state */
}

static void knows_its_own(void **state) {
  (void)state;
  lua_State *co = lua_newthread(L);
  assert_ptr_equal(vm_of(L), vm);
  assert_ptr_equal(vm_of(co), vm);
}

static void calls(void **state) {
  (void)state;
  int top = lua_gettop(L);
  load("return ... + 1, 2");
  lua_pushinteger(L, 41);
  assert_int_equal(vm_call(L, 1, 1), LUA_OK);
  assert_int_equal(lua_tointeger(L, -1), 42);
  assert_int_equal(lua_gettop(L), top + 1);
}

static void reports_with_a_traceback(void **state) {
  (void)state;
  keep_reports();
  int top = lua_gettop(L);
  load("local function deep() error('broke') end\ndeep() return 1");
  assert_int_equal(vm_call(L, 0, 1), LUA_ERRRUN);
  assert_int_equal(lua_gettop(L), top);
  assert_non_null(strstr(said(), "code:1: broke\n"));
  assert_non_null(strstr(said(), "in local 'deep'"));
  assert_non_null(strstr(said(), "main chunk"));
}

static void leaves_the_message_to_the_caller(void **state) {
  (void)state;
  int top = lua_gettop(L);
  load("error('broke', 0)");
  assert_int_equal(vm_pcall(L, 0, 3), LUA_ERRRUN);
  assert_int_equal(lua_gettop(L), top + 1);
  assert_int_equal(strncmp(lua_tostring(L, -1), "broke\n", 6), 0);
}

static void words_any_error_object(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"error(nil)", "(error object is a nil value)"},
      {"error({ code = 7 })", "(error object is a table value)"},
      {"error(7)", "7"},
      {"error(setmetatable({}, { __tostring = function() return 'mine' end }))", "mine"},
      {"error(setmetatable({}, { __tostring = function() error 'no' end }))",
       "(error object is a table value)"},
      {"error(setmetatable({}, { __tostring = function() return {} end }))",
       "(error object is a table value)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    load(cases[i][0]);
    assert_int_equal(vm_pcall(L, 0, 0), LUA_ERRRUN);
    const char *text = lua_tostring(L, -1);
    assert_int_equal(strncmp(text, cases[i][1], strlen(cases[i][1])), 0);
    assert_int_equal(text[strlen(cases[i][1])], '\n');
    lua_pop(L, 1);
  }
}

static void survives_a_reporter_that_fails(void **state) {
  (void)state;
  load("return function() error 'reporter' end");
  vm_pcall(L, 0, 1);
  vm_set_reporter(L);
  int top = lua_gettop(L);
  load("error 'broke'"); /* goes to stderr instead */
  assert_int_equal(vm_call(L, 0, 0), LUA_ERRRUN);
  assert_int_equal(lua_gettop(L), top);
}

static void survives_deep_recursion(void **state) {
  (void)state;
  keep_reports();
  load("local function f() return 1 + f() end f()");
  assert_int_equal(vm_call(L, 0, 0), LUA_ERRRUN);
  assert_non_null(strstr(said(), "stack overflow"));
  assert_non_null(strstr(said(), "\n..."));
}

static void is_limited(void **state) {
  (void)state;
  struct vm *small = vm_new(1 << 20);
  assert_non_null(small);
  static const char hog[] = "local t = {} for i = 1, 1e7 do t[i] = { i } end";
  assert_int_equal(luaL_loadbuffer(small->L, hog, sizeof hog - 1, "=hog"), LUA_OK);
  assert_int_equal(vm_pcall(small->L, 0, 0), LUA_ERRMEM);
  assert_true(small->memory.peak <= 1 << 20);
  vm_free(small);
  assert_null(vm_new(2000)); /* not even the libraries fit in */
}

static void gives_everything_back(void **state) {
  (void)state;
  struct vm *one = vm_new(0);
  assert_non_null(one);
  luaL_loadstring(one->L, "t = {} for i = 1, 1000 do t[i] = { tostring(i) } end");
  assert_int_equal(lua_pcall(one->L, 0, 0, 0), LUA_OK);
  lua_close(one->L);
  assert_int_equal(one->memory.used, 0);
  one->L = NULL;
  vm_free(one);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(knows_its_own),
      TEST(calls),
      TEST(reports_with_a_traceback),
      TEST(leaves_the_message_to_the_caller),
      TEST(words_any_error_object),
      TEST(survives_a_reporter_that_fails),
      TEST(survives_deep_recursion),
      TEST(is_limited),
      TEST(gives_everything_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
