/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* ---- trim ---- */

enum { BLOCKS = 6000, LARGEST = 3000, ROUNDS = 300 };

struct model {
  unsigned char *at;
  size_t size;
};

static uint32_t next_random(uint32_t *seed) {
  *seed = *seed * 1664525 + 1013904223;
  return *seed >> 8;
}

/* Whether the block still says what was written into it. */
static void check(const struct model *block, size_t index) {
  for (size_t i = 0; i < block->size; i++)
    assert_int_equal(block->at[i], (unsigned char)(index + i));
}

static void resize(struct memory *memory, struct model *block, size_t index,
                   size_t size) {
  size_t kept = block->size < size ? block->size : size;
  block->at = memory_alloc(memory, block->at, block->size, size);
  if (size) assert_int_equal((uintptr_t)block->at % 16, 0);
  block->size = kept;
  check(block, index);
  for (size_t i = kept; i < size; i++) block->at[i] = (unsigned char)(index + i);
  block->size = size;
}

/* Sizes as Lua has them: most are small. */
static size_t any_size(uint32_t *seed) {
  size_t size = next_random(seed) % (next_random(seed) % 20 ? 100 : LARGEST);
  return next_random(seed) % 3 ? size : 0;
}

static void one_round(struct memory *memory, struct model *blocks, uint32_t *seed) {
  bool ends = next_random(seed) % 4 == 0; /* much of it becomes free */
  size_t count = next_random(seed) % BLOCKS, first = next_random(seed) % BLOCKS;
  for (size_t i = 0; i < count; i++) {
    size_t index = (first + (ends ? i : next_random(seed))) % BLOCKS;
    resize(memory, &blocks[index], index, ends ? 0 : any_size(seed));
    if (i % 64 == 0) memory_trim(memory, next_random(seed) % 200);
  }
}

static void trims_nothing_that_is_in_use(void **state) {
  (void)state;
  static struct model blocks[BLOCKS];
  struct memory memory = {0};
  uint32_t seed = 4711;
  size_t used = 0;
  for (int round = 0; round < ROUNDS; round++) one_round(&memory, blocks, &seed);
  assert_true(memory_trim(&memory, SIZE_MAX));
  for (size_t i = 0; i < BLOCKS; i++) {
    used += blocks[i].size;
    resize(&memory, &blocks[i], i, 0);
  }
  assert_true(used > 0);
  assert_int_equal(memory.used, 0);
  assert_int_equal(memory.large, 0);
  memory_release(&memory);
}

/* Every 32nd block is kept: of 128 bytes, so of each page; or of 4 in a row, so of a few. */
static void fill(struct memory *memory, char **blocks, bool in_rows) {
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = memory_alloc(memory, NULL, 0, 128);
    memset(blocks[i], i, 128);
  }
  for (int i = 0; i < BLOCKS; i++) {
    if (in_rows ? i % 256 < 8 : i % 32 == 0) continue;
    memory_alloc(memory, blocks[i], 128, 0);
    blocks[i] = NULL;
  }
}

static bool is_resident(const char *block) {
  unsigned char core = 0;
  uintptr_t page = (uintptr_t)block & ~(uintptr_t)4095;
  assert_int_equal(mincore((void *)page, 4096, &core), 0);
  return core & 1;
}

static size_t resident(const struct memory *memory) {
  return memory_spare(memory) + memory->used;
}

static void empty(struct memory *memory, char **blocks) {
  for (int i = 0; i < BLOCKS; i++) {
    for (int k = 0; blocks[i] && k < 128; k++)
      assert_int_equal(blocks[i][k] & 255, i & 255);
    if (blocks[i]) memory_alloc(memory, blocks[i], 128, 0);
  }
  assert_true(memory_trim(memory, SIZE_MAX));
  assert_int_equal(memory->used, 0);
}

static void gives_pages_back(void **state) {
  (void)state;
  static char *blocks[BLOCKS];
  struct memory memory = {0};
  fill(&memory, blocks, true);
  size_t before = resident(&memory), pages = memory.pages;
  const char *unused = blocks[256] - 8192, *used = blocks[256];
  if (pages) assert_true(is_resident(unused)); /* the control arm */
  while (!memory_trim(&memory, 100)) continue; /* in slices */
  if (pages) {
    assert_true(resident(&memory) < before / 4);
    assert_true(is_resident(used) && !is_resident(unused));
  }
  void *again[BLOCKS / 2];
  for (int i = 0; i < BLOCKS / 2; i++) {
    again[i] = memory_alloc(&memory, NULL, 0, 128);
    memset(again[i], 255, 128);
  }
  assert_true(memory.pages <= pages); /* there was room */
  for (int i = 0; i < BLOCKS / 2; i++) memory_alloc(&memory, again[i], 128, 0);
  empty(&memory, blocks);
  assert_true(memory.pages <= (64 << 10) / 4096 + 256); /* what is not begun stays */
  memory_release(&memory);
}

static void control_where_all_pages_are_used(void **state) {
  (void)state;
  static char *blocks[BLOCKS];
  struct memory memory = {0};
  fill(&memory, blocks, false);
  size_t before = resident(&memory);
  assert_true(memory_trim(&memory, SIZE_MAX));
  assert_true(resident(&memory) >= before / 4 * 3);
  empty(&memory, blocks);
  memory_release(&memory);
}

static void forgets_a_trim_under_way(void **state) {
  (void)state;
  static char *blocks[BLOCKS];
  struct memory memory = {0};
  fill(&memory, blocks, true);
  if (memory.pages) assert_false(memory_trim(&memory, 1000));
  memory_release(&memory);
}

/* A larger page holds what is in use beside what is free. */
static int page_size = 4096;

int getpagesize(void) {
  return page_size;
}

static void trims_nothing_where_pages_are_larger(void **state) {
  (void)state;
  static char *blocks[BLOCKS];
  struct memory memory = {0};
  fill(&memory, blocks, true);
  page_size = 65536;
  assert_true(memory_trim(&memory, SIZE_MAX));
  assert_int_equal(memory.given, 0);
  page_size = 4096; /* the control arm */
  assert_true(memory_trim(&memory, SIZE_MAX));
  assert_int_equal(memory.given > 0, memory.pages > 0);
  memory_release(&memory);
}

static void trims_nothing_where_nothing_is(void **state) {
  (void)state;
  struct memory memory = {0};
  assert_true(memory_trim(&memory, 1));
  assert_int_equal(memory_spare(&memory), 0);
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
      cmocka_unit_test(trims_nothing_that_is_in_use),
      cmocka_unit_test(gives_pages_back),
      cmocka_unit_test(control_where_all_pages_are_used),
      cmocka_unit_test(forgets_a_trim_under_way),
      cmocka_unit_test(trims_nothing_where_pages_are_larger),
      cmocka_unit_test(trims_nothing_where_nothing_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
