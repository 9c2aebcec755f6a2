/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "launching.h"
#include "process/deathwatch.h"

enum { COUNT = 3, LIMIT_MS = 20000 };

static uv_loop_t loop;
static struct deathwatches *watches;

/* A process that waits for its end, and its watch. */
struct subject {
  pid_t pid;
  struct deathwatch *watch;
  struct subject *other; /* whose watch is taken down with its own */
  int told;
};

static int setup(void **state) {
  (void)state;
  uv_loop_init(&loop);
  watches = deathwatches_new(&loop);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  deathwatches_free(watches);
  close_loop(&loop);
  return 0;
}

static void take_down(struct subject *subject) {
  deathwatch_free(subject->watch);
  subject->watch = NULL;
}

static void note_dead(void *data) {
  struct subject *subject = data;
  subject->told++;
  take_down(subject);
  if (subject->other) take_down(subject->other);
}

static void start(struct subject *subject) {
  int error;
  *subject = (struct subject){.pid = fork()};
  if (subject->pid == 0)
    for (;;) pause();
  int pidfd = (int)syscall(SYS_pidfd_open, subject->pid, 0);
  subject->watch = deathwatch_new(watches, pidfd, note_dead, subject, &error);
  assert_int_equal(error, 0);
}

static void kill_and_wait(const struct subject *subject) {
  siginfo_t info;
  kill(subject->pid, SIGKILL);
  waitid(P_PID, (id_t)subject->pid, &info, WEXITED | WNOWAIT);
}

static void reap(const struct subject *subject) {
  waitpid(subject->pid, NULL, 0);
}

/* Those who die are looked after at once, but when very many have been told to die. */
static void rests_when_many_die(void **state) {
  (void)state;
  for (int many = 0; many < 2; many++) {
    struct subject subject;
    bool has_rested = false;
    start(&subject);
    for (int i = 0; i < (many ? 500 : 1); i++) deathwatches_expect(watches);
    kill_and_wait(&subject);
    uint64_t end = uv_hrtime() + LIMIT_MS * UINT64_C(1000000);
    while (!subject.told && uv_hrtime() < end) {
      uv_run(&loop, UV_RUN_ONCE);
      if (!deathwatches_rest(watches)) continue;
      has_rested = true;
      assert_int_equal(subject.told, 0);
    }
    assert_int_equal(subject.told, 1);
    assert_int_equal(has_rested, many);
    reap(&subject);
  }
}

/* Signals that go on for ever, as many in each turn as end a rest's patience. */
static void tells_while_signals_go_on(void **state) {
  (void)state;
  struct subject subject;
  int rests = 0;
  start(&subject);
  kill_and_wait(&subject);
  uint64_t end = uv_hrtime() + LIMIT_MS * UINT64_C(1000000);
  while (!subject.told && uv_hrtime() < end) {
    for (int i = 0; i < 100; i++) deathwatches_expect(watches);
    uv_run(&loop, UV_RUN_ONCE);
    rests += deathwatches_rest(watches);
  }
  assert_int_equal(subject.told, 1);
  assert_true(rests > 0); /* control arm: there was a rest to end */
  reap(&subject);
}

/* In the same batch of deaths. */
static void one_taken_down_by_another_is_not_told(void **state) {
  (void)state;
  struct subject subjects[COUNT];
  int told = 0;
  for (int i = 0; i < COUNT; i++) start(&subjects[i]);
  subjects[0].other = &subjects[1];
  subjects[1].other = &subjects[0];
  for (int i = 0; i < COUNT; i++) kill_and_wait(&subjects[i]);
  uv_run(&loop, UV_RUN_DEFAULT); /* it ends: nobody is left to be watched */
  for (int i = 0; i < COUNT; i++) {
    told += subjects[i].told;
    reap(&subjects[i]);
  }
  assert_int_equal(subjects[2].told, 1);
  assert_int_equal(told, 2);
}

static void keeps_the_loop_alive(void **state) {
  (void)state;
  struct subject subject;
  assert_false(uv_loop_alive(&loop));
  start(&subject);
  assert_true(uv_loop_alive(&loop));
  take_down(&subject);
  assert_false(uv_loop_alive(&loop));
  kill_and_wait(&subject);
  reap(&subject);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(rests_when_many_die),
      TEST(tells_while_signals_go_on),
      TEST(one_taken_down_by_another_is_not_told),
      TEST(keeps_the_loop_alive),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
