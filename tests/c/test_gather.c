/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/gather.h"

enum { SIZE = 1 << 20 };

/* What it was given elsewhere goes back once: then it may be another thread's. */
static void has_nothing_where_the_address_is_taken(void **state) {
  (void)state;
  struct gather gather = {0};
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  void *taken = mmap(NULL, SIZE, PROT_NONE, flags, -1, 0);
  assert_ptr_not_equal(taken, MAP_FAILED);
  assert_false(gather_open(&gather, taken, SIZE));
  assert_null(gather.base);
  munmap(taken, SIZE);
  assert_true(gather_open(&gather, taken, SIZE)); /* the control arm */
  assert_ptr_equal(gather.base, taken);
  gather_close(&gather);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(has_nothing_where_the_address_is_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
