/* SPDX-License-Identifier: Apache-2.0 */
/* What of a poured state lies together. */
#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine.h"
#include "states.h"
#include "vm/mould.h"
#include "vm/vm.h"

static int fill_in_turn(lua_State *L) {
  engine_set_up(L);
  run(L, "kept, dropped = {}, {} for i = 1, 3000 do kept[i], dropped[i] = {i}, {i} end");
  return 0;
}

static int drop(lua_State *L) {
  run(L, "dropped = nil");
  return 0;
}

static int fail_to_drop(lua_State *L) {
  run(L, "dropped = nil error 'not at all'");
  return 0;
}

/* Bytes that a state takes which has dropped what is not kept. */
static size_t taken_at_rest(lua_CFunction rest) {
  char problem[MOULD_PROBLEM];
  struct mould *mould = mould_new(fill_in_turn, rest, problem);
  if (!mould) skip(); /* a sanitizer's build makes none */
  struct vm *vm = mould_pour(mould);
  expect(vm, "assert(#dropped == 3000) dropped = nil collectgarbage()");
  assert_true(memory_trim(&vm->memory, SIZE_MAX));
  size_t taken = memory_spare(&vm->memory) + vm->memory.used;
  expect(vm, "for i = 1, 3000 do assert(kept[i][1] == i) end");
  vm_free(vm);
  mould_free(mould);
  return taken;
}

static void has_lie_together_what_stays(void **state) {
  (void)state;
  size_t apart = taken_at_rest(NULL); /* the control arm */
  assert_true(taken_at_rest(drop) < apart / 3 * 2);
  assert_true(taken_at_rest(fail_to_drop) >= apart / 3 * 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(has_lie_together_what_stays)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
