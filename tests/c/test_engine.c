/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <uv.h>

#include <cmocka.h>

#include "base/deadline.h"
#include "engine.h"
#include "executor/runtime.h"

enum { LEAST = 3, MOST = 64 };

static unsigned count_fds(void) {
  DIR *dir = opendir("/proc/self/fd");
  unsigned count = 0;
  assert_non_null(dir);
  while (readdir(dir)) count++;
  closedir(dir);
  return count;
}

static void limit_fds(rlim_t count) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = count;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int open_and_close(void) {
  struct engine engine = {.vm = NULL};
  assert_int_equal(engine_open(&engine, DEADLINE_FEW_BITS), 0);
  int error = runtime_open_loop(engine.runtime);
  assert_true(engine_close(&engine));
  return error;
}

/* The first one opens what the process keeps. Then each has room for a descriptor more than
 * the one before, until there are enough. */
static void leaves_nothing_open(void **state) {
  (void)state;
  assert_int_equal(open_and_close(), 0);
  unsigned before = count_fds(), failed = 0;
  for (rlim_t limit = LEAST; limit < MOST; limit++) {
    limit_fds(limit);
    int error = open_and_close();
    limit_fds(MOST);
    if (error) assert_int_equal(error, UV_EMFILE);
    failed += error != 0;
    assert_int_equal(count_fds(), before);
  }
  assert_in_range(failed, 1, MOST - LEAST - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(leaves_nothing_open)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
