/* SPDX-License-Identifier: Apache-2.0 */
#include <lauxlib.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine.h"
#include "states.h"
#include "vm/mould.h"
#include "vm/vm.h"

#ifdef MEMORY_PLAIN /* nearly all is left out there */
#pragma GCC diagnostic ignored "-Wunused-function"
#endif

enum { STATES = 100, THREADS = 4, ROUNDS = 25 };

static char problem[MOULD_PROBLEM];

/* What a guest has, and some of everything that a state may hold. */
static const char contents[] =
    "text, long = 'a short one', ('a long one '):rep(100)\n"
    "numbers, mixed = {}, { [1.5] = 'float', [true] = 'boolean', [print] = 'bare' }\n"
    "for i = 1, 2000 do numbers[i] = i end\n"
    "for i = 1, 500 do mixed['key ' .. i] = { i, tostring(i) } end\n"
    "local count = 0\n"
    "function counter() count = count + 1 return count end\n"
    "function peek() return count end\n"
    "local none, no, yes, int, float, bare = nil, false, true, 7, 0.5, print\n"
    "local short, table, func = 'short', { 1 }, counter\n"
    "function all() return none, no, yes, int, float, bare, short, table, func end\n"
    "function set() none = 'some' end\n"
    "local a, b, c, d, e, f, g, h function nils() return a, b, c, d, e, f, g, h end\n"
    "class = setmetatable({}, { __index = function(_, key) return key .. '!' end })\n"
    "weak = setmetatable({ one = class, none = {} }, { __mode = 'v' })\n"
    "closed = 0\n"
    "finalized = { setmetatable({}, { __gc = function() closed = closed + 1 end }) }\n"
    "require 'luvisor.edge.guest' require('luvisor.edge.guest.ahead').load()\n";

static int fill(lua_State *L) {
  engine_set_up(L);
  run(L, contents);
  return 0;
}

/* Uses all of that, twice, so that what the first time has left is seen. */
static const char use[] =
    "assert(text == 'a short one' and long == ('a long one '):rep(100))\n"
    "assert(#numbers == 2000 and mixed[1.5] == 'float' and mixed[true] == 'boolean')\n"
    "assert(mixed[print] == 'bare' and weak.one == class and not weak.none)\n"
    "for i = 1, 500 do local e = mixed['key ' .. i]\n"
    "  assert(e[1] == i and e[2] == tostring(i)) end\n"
    "assert(counter() == 1 and peek() == 1 and class.name == 'name!')\n"
    "local none, no, yes, int, float, bare, short, t, f = all()\n"
    "assert(none == nil and no == false and yes == true and math.type(int) == "
    "'integer')\n"
    "assert(int == 7 and float == 0.5 and bare == print and short == 'short')\n"
    "assert(t[1] == 1 and f == counter) set() assert(all() == 'some')\n"
    "for i = 1, 8 do assert((select(i, nils())) == nil) end\n"
    "local n = 0 for _ in pairs(mixed) do n = n + 1 end assert(n == 503)\n"
    "for i = 1, 3000 do numbers[#numbers + 1] = 'n' .. i mixed[{}] = i end\n"
    "numbers, mixed.rest, text = { numbers }, {}, text .. long\n"
    "local co = coroutine.wrap(function(...) local sum = ...\n"
    "  while true do sum = sum + coroutine.yield(sum) end end)\n"
    "assert(co(1) == 1 and co(2) == 3 and co(3) == 6)\n"
    "local ok, message = pcall(error, { 'a table' }) assert(not ok and message[1])\n"
    "ok, message = pcall(function() local x = nil; return x.y end)\n"
    "assert(not ok and message:find 'nil value')\n"
    "do local c <close> = setmetatable({}, { __close = function() ok = 'closed' end }) "
    "end\n"
    "assert(ok == 'closed' and ('x'):rep(9, ',') == 'x,x,x,x,x,x,x,x,x')\n"
    "assert(('k=v'):match '(%w)=(%w)' == 'k' and io.stdout and load 'return 7'() == 7)\n"
    "assert(select('#', string.dump(counter)) == 1 and math.type(math.random(9)))\n"
    "assert(package.loaded['luvisor.machine.unit'].path)\n"
    "assert(require 'luvisor.core.restart' and require 'luvisor.core.fsm'.default)\n"
    "collectgarbage() collectgarbage 'generational' for i = 1, 1000 do local t = { {} } "
    "end\n"
    "collectgarbage() collectgarbage 'incremental' collectgarbage()\n"
    "finalized[1] = nil collectgarbage() assert(closed == 1)\n";

static void use_and_free(struct vm *vm) {
  assert_non_null(vm);
  assert_ptr_equal(vm_of(vm->L), vm);
  expect(vm, use);
  lua_gc(vm->L, LUA_GCCOLLECT);
  assert_true(memory_trim(&vm->memory, SIZE_MAX));
  expect(vm, "local t = {} for i = 1, 20000 do t[i] = { i } end assert(counter() == 2)");
  vm_free(vm);
}

static int drop_numbers(lua_State *L) {
  run(L, "numbers = nil");
  return 0;
}

static struct mould *new_mould(void) {
  struct mould *mould = mould_new(fill, drop_numbers, problem);
  if (!mould) print_message("%s\n", problem);
  return mould;
}

/* ---- pouring ---- */

static void pours_many(void **state) {
  struct mould *mould = new_mould();
  struct vm *vms[STATES];
  (void)state;
  assert_non_null(mould);
  for (int i = 0; i < STATES; i++) vms[i] = mould_pour(mould);
  for (int i = 0; i < STATES; i++) use_and_free(vms[i]);
  use_and_free(mould_pour(mould));
  mould_free(mould);
}

static void *pour_some(void *mould) {
  for (int i = 0; i < ROUNDS; i++) use_and_free(mould_pour(mould));
  return NULL;
}

static void pours_in_threads(void **state) {
  struct mould *mould = new_mould();
  pthread_t threads[THREADS];
  (void)state;
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, pour_some, mould), 0);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  mould_free(mould);
}

/* All functions and values, byte by byte, against those of a state that was filled by itself:
 * what leads there, and what there is. */
static const char dump[] =
    "local seen, texts, functions, look = {}, {}, 0, nil\n"
    "local function name(key) return type(key) == 'function' and 'f' or tostring(key) "
    "end\n"
    "local function look_at_table(t, path)\n"
    "  local keys = {} for key in next, t do keys[#keys + 1] = key end\n"
    "  table.sort(keys, function(a, b) return name(a) < name(b) end)\n"
    "  for _, key in ipairs(keys) do look(t[key], path .. '.' .. name(key)) end\n"
    "  look(getmetatable(t), path .. '.meta') end\n"
    "local function look_at_function(f, path)\n"
    "  if debug.getinfo(f, 'S').what ~= 'C' then functions = functions + 1\n"
    "    texts[#texts + 1] = string.dump(f) end\n"
    "  for i = 1, 255 do local known, up = debug.getupvalue(f, i)\n"
    "    if not known then break end look(up, path .. '/' .. i) end end\n"
    "function look(value, path)\n"
    "  local kind = type(value)\n"
    "  local is_plain = kind == 'string' or kind == 'number' or kind == 'boolean'\n"
    "  texts[#texts + 1] = path .. '=' .. kind .. (is_plain and tostring(value) or '')\n"
    "  if is_plain or kind == 'nil' or seen[value] then return end\n"
    "  seen[value] = true\n"
    "  if kind == 'table' then look_at_table(value, path) end\n"
    "  if kind == 'function' then look_at_function(value, path) end end\n"
    "look(package.loaded, '') assert(functions > 100)\n"
    "return table.concat(texts, '\\n')";

static void dump_all(struct vm *vm) {
  assert_int_equal(luaL_loadstring(vm->L, dump), LUA_OK);
  if (vm_pcall(vm->L, 0, 1) != LUA_OK) fail_msg("%s", lua_tostring(vm->L, -1));
}

static void is_as_if_loaded(void **state) {
  struct mould *mould = new_mould();
  struct vm *poured = mould_pour(mould), *filled = vm_new(0);
  size_t length, other;
  (void)state;
  fill(filled->L);
  dump_all(poured);
  dump_all(filled);
  const char *code = lua_tolstring(poured->L, -1, &length);
  const char *expected = lua_tolstring(filled->L, -1, &other);
  assert_int_equal(length, other);
  assert_memory_equal(code, expected, length);
  vm_free(poured);
  vm_free(filled);
  mould_free(mould);
}

static void has_its_own_random_numbers(void **state) {
  struct mould *mould = new_mould();
  struct vm *one = mould_pour(mould), *two = mould_pour(mould);
  lua_Integer numbers[2];
  (void)state;
  for (int i = 0; i < 2; i++) {
    lua_State *L = i ? two->L : one->L;
    run(L, "number = math.random(0)");
    lua_getglobal(L, "number");
    numbers[i] = lua_tointeger(L, -1);
  }
  assert_true(numbers[0] != numbers[1]);
  vm_free(one);
  vm_free(two);
  mould_free(mould);
}

static void counts_what_is_held(void **state) {
  struct mould *mould = new_mould();
  struct vm *vm = mould_pour(mould);
  (void)state;
  lua_gc(vm->L, LUA_GCCOLLECT);
  int kib = lua_gc(vm->L, LUA_GCCOUNT), bytes = lua_gc(vm->L, LUA_GCCOUNTB);
  assert_int_equal(vm->memory.used, (size_t)kib * 1024 + (size_t)bytes);
  assert_true(vm->memory.peak >= vm->memory.used);
  lua_close(vm->L);
  vm->L = NULL;
  assert_int_equal(vm->memory.used, 0);
  vm_free(vm);
  mould_free(mould);
}

static void obeys_a_limit(void **state) {
  struct mould *mould = new_mould();
  struct vm *vm = mould_pour(mould);
  (void)state;
  vm->memory.limit = 1 << 20;
  expect(
      vm,
      "local ok, message = pcall(string.rep, 'x', 2 << 20) assert(not ok)\n"
      "assert(message == 'not enough memory') collectgarbage() assert(counter() == 1)");
  vm_free(vm);
  mould_free(mould);
}

/* Whether a table of the registry has the address of the source of the function on top. */
static bool is_exempt(lua_State *L) {
  lua_Debug ar;
  bool found = false;
  lua_getinfo(L, ">S", &ar);
  for (lua_pushnil(L); lua_next(L, LUA_REGISTRYINDEX); lua_pop(L, 1)) {
    if (!lua_istable(L, -1)) continue;
    found |= lua_rawgetp(L, -1, ar.source) != LUA_TNIL;
    lua_pop(L, 1);
  }
  return found;
}

static void knows_the_library(void **state) {
  struct mould *mould = new_mould();
  struct vm *vm = mould_pour(mould);
  lua_State *L = vm->L;
  (void)state;
  lua_gc(L, LUA_GCCOLLECT);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "luvisor.machine.message.letterbox");
  lua_call(L, 1, 1);
  if (lua_istable(L, -1))
    for (lua_pushnil(L); lua_next(L, -2) && !lua_isfunction(L, -1);) lua_pop(L, 1);
  assert_true(is_exempt(L));
  assert_int_equal(luaL_loadstring(L, "return"), LUA_OK);
  assert_false(is_exempt(L));
  lua_settop(L, 0);
  vm_free(vm);
  mould_free(mould);
}

/* ---- the control arm: a pointer that was left behind ---- */

enum { SAMPLES = 48 };

/* The words of the state that lead into it. */
static size_t pointers_of(const struct vm *vm, uintptr_t **pointers) {
  uintptr_t first = (uintptr_t)vm->memory.poured, count = 0;
  size_t size = vm->memory.image.size;
  for (size_t i = 0; i < size / sizeof *pointers; i++) {
    uintptr_t *word = (uintptr_t *)first + i;
    if (*word - first < size) pointers[count++] = word;
  }
  return count;
}

static bool works_without(const struct mould *mould, size_t sample) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    struct vm *vm = mould_pour(mould);
    uintptr_t **pointers = malloc(vm->memory.image.size);
    size_t count = pointers_of(vm, pointers);
    if (sample < SAMPLES) *pointers[count / SAMPLES * sample] += 1 << 30;
    if (luaL_loadstring(vm->L, use) != LUA_OK) _exit(1);
    alarm(20);
    if (lua_pcall(vm->L, 0, 0, 0) != LUA_OK) _exit(1);
    vm_free(vm);
    _exit(0);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Some are never used again, as the caches of Lua's. */
static void would_show_a_pointer_left_behind(void **state) {
  struct mould *mould = new_mould();
  int worked = 0;
  (void)state;
  assert_true(works_without(mould, SAMPLES));
  for (size_t sample = 0; sample < SAMPLES; sample++)
    worked += works_without(mould, sample);
  assert_in_range(worked, 0, SAMPLES / 2);
  mould_free(mould);
}

/* ---- what is refused ---- */

static const char *code;

static int fill_with_code(lua_State *L) {
  engine_set_up(L);
  run(L, code);
  return 0;
}

static void expect_refusal(const char *lua, const char *why) {
  code = lua;
  assert_null(mould_new(fill_with_code, NULL, problem));
  if (!strstr(problem, why)) fail_msg("%s: %s", lua, problem);
}

static void refuses_what_would_not_survive(void **state) {
  (void)state;
  expect_refusal("t = { [{}] = 1 }", "a table is the key");
  expect_refusal("t = { { x = { [function() end] = 1 } } }", "a function is the key");
  expect_refusal("t = { [io.stdout] = 1 }", "a userdata is the key");
  expect_refusal("t = { [coroutine.running()] = 1 }", "a thread is the key");
  expect_refusal("local t = { [{}] = 1 } function f() return t end",
                 "a table is the key");
  expect_refusal("setmetatable({}, {})[1] = 1 t = setmetatable({}, { x = { [{}] = 1 } })",
                 "a table is the key");
  expect_refusal("co = coroutine.create(print)", "a coroutine");
  expect_refusal("f = coroutine.wrap(print)", "a coroutine");
  expect_refusal("f = io.tmpfile()", "a userdata");
  expect_refusal("error 'some trouble'", "some trouble");
  expect_refusal("t = ('x'):rep(20 << 20)", "not enough memory");
  expect_refusal("t = {} for i = 1, 2000 do t = { t } end", "more than can be looked");
  code = "t = { [1] = 1, x = 1, [print] = 1, [true] = 1, [0.5] = 1 }";
  struct mould *mould = mould_new(fill_with_code, NULL, problem);
  assert_non_null(mould);
  mould_free(mould);
}

#ifdef MEMORY_PLAIN
static void is_not_made_of_plain_memory(void **state) {
  (void)state;
  assert_null(mould_new(fill, drop_numbers, problem));
  bool is_malloced = strstr(problem, "malloc's");
  bool is_taken = strstr(problem, "no memory at the address"); /* by a sanitizer */
  if (!is_malloced && !is_taken) fail_msg("%s", problem);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pours_many),
      cmocka_unit_test(pours_in_threads),
      cmocka_unit_test(is_as_if_loaded),
      cmocka_unit_test(has_its_own_random_numbers),
      cmocka_unit_test(counts_what_is_held),
      cmocka_unit_test(obeys_a_limit),
      cmocka_unit_test(knows_the_library),
      cmocka_unit_test(would_show_a_pointer_left_behind),
      cmocka_unit_test(refuses_what_would_not_survive),
  };
#ifdef MEMORY_PLAIN
  const struct CMUnitTest plain[] = {cmocka_unit_test(is_not_made_of_plain_memory)};
  (void)tests;
  return cmocka_run_group_tests(plain, NULL, NULL);
#else
  return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
