/* SPDX-License-Identifier: Apache-2.0 */
/* Lock: one holder at a time, whoever else tries is told who, and a dead one holds
 * nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "base/lock.h"

static char path[64];

static int set_up(void **state) {
  (void)state;
  snprintf(path, sizeof path, "/tmp/luvisor-lock-XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  return close(fd);
}

static int tear_down(void **state) {
  (void)state;
  return unlink(path);
}

static void second_is_told_of_the_first(void **state) {
  pid_t holder;
  (void)state;
  int fd = lock_take(path, &holder);
  assert_true(fd > 2);
  assert_int_equal(lock_take(path, &holder), UV_EBUSY);
  assert_int_equal(holder, getpid());
  close(fd); /* the control: with nobody holding it the same call succeeds */
  fd = lock_take(path, &holder);
  assert_true(fd > 2);
  close(fd);
}

static void a_dead_holder_holds_nothing(void **state) {
  pid_t holder, child;
  int ready[2], status;
  (void)state;
  assert_int_equal(pipe(ready), 0);
  child = fork();
  if (child == 0) {
    char mark = lock_take(path, &holder) > 2 ? 'y' : 'n';
    _exit(write(ready[1], &mark, 1) == 1 ? pause() : 1);
  }
  char mark = 'n';
  assert_int_equal(read(ready[0], &mark, 1), 1);
  assert_int_equal(mark, 'y');
  assert_int_equal(lock_take(path, &holder), UV_EBUSY);
  assert_int_equal(holder, child);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  int fd = lock_take(path, &holder);
  assert_true(fd > 2);
  close(fd);
  close(ready[0]);
  close(ready[1]);
}

static void one_that_was_replaced_is_not_taken_for_ours(void **state) {
  pid_t holder;
  (void)state;
  int fd = lock_take(path, &holder);
  unlink(path);
  int second = lock_take(path, &holder); /* another file of that name */
  assert_true(second > 2);
  assert_int_equal(lock_take(path, &holder), UV_EBUSY);
  close(fd);
  close(second);
}

static void a_link_is_refused(void **state) {
  char link[80];
  pid_t holder;
  (void)state;
  snprintf(link, sizeof link, "%s.link", path);
  assert_int_equal(symlink(path, link), 0);
  assert_int_equal(lock_take(link, &holder), UV_ELOOP);
  unlink(link);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(second_is_told_of_the_first, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_dead_holder_holds_nothing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(one_that_was_replaced_is_not_taken_for_ours, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_link_is_refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
