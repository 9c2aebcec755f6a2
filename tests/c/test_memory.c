/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { LUA_TAG = 5 }; /* what Lua passes as the old size of a new block: a type */

static void counts_what_is_held(void **state) {
  (void)state;
  struct memory memory = {0};
  char *one = memory_alloc(&memory, NULL, LUA_TAG, 100);
  char *two = memory_alloc(&memory, NULL, LUA_TAG, 50);
  assert_int_equal(memory.used, 150);
  one = memory_alloc(&memory, one, 100, 300);
  assert_int_equal(memory.used, 350);
  one = memory_alloc(&memory, one, 300, 10);
  assert_int_equal(memory.used, 60);
  assert_int_equal(memory.peak, 350);
  assert_null(memory_alloc(&memory, one, 10, 0));
  assert_null(memory_alloc(&memory, two, 50, 0));
  assert_int_equal(memory.used, 0);
  assert_null(memory_alloc(&memory, NULL, LUA_TAG, 0));
  assert_int_equal(memory.used, 0);
  memory_release(&memory);
}

static void keeps_the_contents(void **state) {
  (void)state;
  struct memory memory = {0};
  char *text = memory_alloc(&memory, NULL, 0, 6);
  strncpy(text, "12345", 6);
  text = memory_alloc(&memory, text, 6, 10000);
  assert_string_equal(text, "12345");
  memory_alloc(&memory, text, 10000, 0);
  memory_release(&memory);
}

static void refuses_growth_past_the_limit(void **state) {
  (void)state;
  struct memory memory = {.limit = 1000, .guarded = 1};
  char *one = memory_alloc(&memory, NULL, 0, 1000);
  assert_non_null(one);
  assert_null(memory_alloc(&memory, NULL, 0, 1));
  assert_null(memory_alloc(&memory, one, 1000, 1001));
  assert_int_equal(memory.used, 1000);
  one = memory_alloc(&memory, one, 1000, 999); /* shrinking is never refused */
  assert_non_null(one);
  memory.limit = 10;
  one = memory_alloc(&memory, one, 999, 500);
  assert_non_null(one);
  assert_int_equal(memory.used, 500);
  memory_alloc(&memory, one, 500, 0);
  memory_release(&memory);
}

static void refuses_nothing_that_would_be_fatal(void **state) {
  (void)state;
  struct memory memory = {.limit = 10};
  void *much = memory_alloc(&memory, NULL, 0, 1000);
  assert_non_null(much);
  assert_int_equal(memory.used, 1000);
  memory.guarded = 1;
  assert_null(memory_alloc(&memory, NULL, 0, 1));
  memory_alloc(&memory, much, 1000, 0);
  memory_release(&memory);
}

static bool spares(const void *context) {
  return *(const bool *)context;
}

static void gives_slack_to_what_would_be_left_half_done(void **state) {
  (void)state;
  bool is_half_done = false;
  struct memory memory = {
      .limit = 1000, .guarded = 1, .spares = spares, .context = &is_half_done};
  void *first = memory_alloc(&memory, NULL, 0, 900);
  assert_non_null(first);
  assert_null(memory_alloc(&memory, NULL, 0, 200));
  is_half_done = true;
  void *second = memory_alloc(&memory, NULL, 0, 200);
  assert_non_null(second);
  assert_null(memory_alloc(&memory, NULL, 0, MEMORY_SLACK));
  memory_alloc(&memory, second, 200, 0);
  memory_alloc(&memory, first, 900, 0);
  memory_release(&memory);
}

static void control_without_a_limit(void **state) {
  (void)state;
  struct memory memory = {0};
  void *much = memory_alloc(&memory, NULL, 0, 1 << 20);
  assert_non_null(much);
  memory_alloc(&memory, much, 1 << 20, 0);
}

static void reuses_what_is_small(void **state) {
  (void)state;
  struct memory memory = {0};
  void *blocks[2000];
  for (int i = 0; i < 2000; i++) {
    blocks[i] = memory_alloc(&memory, NULL, 0, (size_t)(i % 600 + 1));
    assert_non_null(blocks[i]);
    assert_int_equal((uintptr_t)blocks[i] % 16, 0);
    memset(blocks[i], i, (size_t)(i % 600 + 1));
  }
  for (int i = 0; i < 2000; i++) {
    const unsigned char *bytes = blocks[i];
    for (int k = 0; k <= i % 600; k++) assert_int_equal(bytes[k], (unsigned char)i);
    memory_alloc(&memory, blocks[i], (size_t)(i % 600 + 1), 0);
  }
  struct memory_slab *slabs = memory.slabs;
  for (int i = 0; i < 1000; i++) {
    void *block = memory_alloc(&memory, NULL, 0, 100);
    memory_alloc(&memory, block, 100, 0);
  }
  assert_ptr_equal(memory.slabs, slabs);
  assert_int_equal(memory.used, 0);
  memory_release(&memory);
}

/* AddressSanitizer would rather end the process than return NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}

static void counts_nothing_that_it_did_not_get(void **state) {
  (void)state;
  struct memory memory = {0};
  assert_null(memory_alloc(&memory, NULL, 0, (size_t)PTRDIFF_MAX));
  assert_int_equal(memory.used, 0);
  assert_int_equal(memory.peak, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_what_is_held),
      cmocka_unit_test(keeps_the_contents),
      cmocka_unit_test(refuses_growth_past_the_limit),
      cmocka_unit_test(refuses_nothing_that_would_be_fatal),
      cmocka_unit_test(gives_slack_to_what_would_be_left_half_done),
      cmocka_unit_test(control_without_a_limit),
      cmocka_unit_test(reuses_what_is_small),
      cmocka_unit_test(counts_nothing_that_it_did_not_get),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
