/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>

#include "launching.h"
#include "process/census.h"

enum { ASKERS = 50 };

struct asker {
  struct census_query query;
  unsigned found, answers;
  bool answered;
};

static uv_loop_t loop;
static struct census *census;
static const struct kin_owner nobody;
static unsigned turn_of_answer[ASKERS], turns;

static int setup(void **state) {
  (void)state;
  uv_loop_init(&loop);
  census = census_new(&loop, &nobody);
  turns = 0;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  census_free(census);
  close_loop(&loop);
  return 0;
}

static void note_found(struct census_query *query, pid_t pid) {
  struct asker *asker = query->data;
  assert_int_equal(getsid(pid), query->sid);
  asker->found++;
}

static void note_done(struct census_query *query, int error) {
  struct asker *asker = query->data;
  assert_true(error == 0 ||
              (asker->query.mark && error == UV_EAGAIN)); /* one that ends */
  asker->answered = true;
  asker->answers++;
}

static void init(struct asker *asker, pid_t sid) {
  *asker = (struct asker){.query = {.sid = sid, .found = note_found, .done = note_done}};
  asker->query.data = asker;
}

/* A process that leads a session of its own until it is killed. */
static pid_t start_session(void) {
  struct launch_result result;
  struct launch_spec spec = spec_of(ARGV("sleep", "100"), LAUNCH_INHERIT);
  assert_int_equal(launch(&spec, &result), 0);
  close(result.pidfd);
  return result.pid;
}

static void end_session(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

static void finds_members_and_nobody_else(void **state) {
  (void)state;
  struct asker mine, other, none;
  pid_t pid = start_session(), other_pid = start_session();
  init(&mine, pid);
  init(&other, other_pid);
  init(&none, 0);
  census_ask(census, &mine.query);
  census_ask(census, &other.query);
  census_ask(census, &none.query);
  assert_false(mine.answered); /* never from inside the question */
  assert_true(run_until(&loop, &none.answered, 20000));
  assert_true(mine.answered && other.answered);
  assert_int_equal(mine.found, 1);
  assert_int_equal(other.found, 1);
  assert_int_equal(none.found, 0);
  end_session(pid);
  end_session(other_pid);
}

/* What is asked in one turn is answered by one walk, thus in one turn. */
static void one_walk_for_all(void **state) {
  (void)state;
  static struct asker askers[ASKERS];
  unsigned first = 0;
  for (int i = 0; i < ASKERS; i++) {
    init(&askers[i], 1000000 + i);
    census_ask(census, &askers[i].query);
    turn_of_answer[i] = 0;
  }
  while (!first && turns++ < 10000) {
    uv_run(&loop, UV_RUN_NOWAIT);
    for (int i = 0; i < ASKERS; i++)
      if (askers[i].answered && !turn_of_answer[i]) first = turn_of_answer[i] = turns;
  }
  for (int i = 0; i < ASKERS; i++) assert_int_equal(turn_of_answer[i], first);
}

enum { CROWD = 2000 };

static void start_crowd(pid_t *pids) {
  for (int i = 0; i < CROWD; i++) {
    pids[i] = fork();
    if (pids[i] == 0)
      for (;;) pause();
    if (pids[i] < 0) pids[i] = 0; /* as many as this user may have */
  }
}

static void end_crowd(const pid_t *pids) {
  for (int i = 0; i < CROWD; i++)
    if (pids[i] > 0) end_session(pids[i]);
}

static unsigned turns_of_a_walk(void) {
  struct asker asker;
  unsigned count = 0;
  init(&asker, 1000000);
  census_ask(census, &asker.query);
  for (; !asker.answered; count++) uv_run(&loop, UV_RUN_NOWAIT);
  return count;
}

/* Others have their turn while many are walked through; the control is a walk that knows
 * no limit. */
static void a_crowd_holds_up_nobody(void **state) {
  (void)state;
  static pid_t pids[CROWD];
  start_crowd(pids);
  census_set_slice(census, 100000);
  unsigned limited = turns_of_a_walk();
  census_set_slice(census, UINT64_MAX);
  unsigned unlimited = turns_of_a_walk();
  end_crowd(pids);
  assert_int_equal(unlimited, 1);
  assert_true(limited > 3);
}

static void forgets(void **state) {
  (void)state;
  struct asker one, two;
  pid_t pid = start_session();
  init(&one, pid);
  init(&two, 1000000);
  census_ask(census, &one.query);
  census_ask(census, &two.query);
  census_forget(&one.query);
  census_forget(&one.query);
  assert_true(run_until(&loop, &two.answered, 20000));
  assert_false(one.answered);
  assert_int_equal(one.found, 0);
  end_session(pid);
}

static void asks_later(void **state) {
  (void)state;
  struct asker asker;
  init(&asker, 1000000);
  uint64_t begun = now_ms();
  census_ask_later(census, &asker.query);
  assert_true(run_until(&loop, &asker.answered, 20000));
  assert_true(now_ms() - begun >= 90);
}

static void asked_twice_is_answered_once(void **state) {
  (void)state;
  struct asker asker;
  init(&asker, 1000000);
  census_ask(census, &asker.query);
  census_ask(census, &asker.query);
  assert_true(run_until(&loop, &asker.answered, 20000));
  run_for(&loop, 20);
  assert_int_equal(asker.answers, 1);
}

static bool owns_all;

static bool owns(const void *data, pid_t pid) {
  (void)data;
  (void)pid;
  return owns_all;
}

static unsigned found_headless(pid_t pid) {
  struct asker asker;
  init(&asker, pid);
  asker.query.mark = "marked";
  asker.query.headless = true;
  census_ask(census, &asker.query);
  assert_true(run_until(&loop, &asker.answered, 20000));
  return asker.found;
}

/* The one who lives could only be overlooked: it is taken for the leader, which is dead. */
static void without_orphans_nobody_is_left_behind(void **state) {
  (void)state;
  struct kin_owner owner = {owns, NULL};
  pid_t pid = start_session();
  census_free(census);
  census = census_new(&loop, &owner);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  owns_all = true;
  assert_int_equal(found_headless(pid), 0);
  owns_all = false; /* an orphan */
  assert_int_equal(found_headless(pid), 1);
  prctl(PR_SET_CHILD_SUBREAPER, 0); /* orphans go elsewhere */
  owns_all = true;
  assert_int_equal(found_headless(pid), 1);
  end_session(pid);
}

static void freed_with_questions_open(void **state) {
  (void)state;
  struct asker now, later;
  init(&now, 1000000);
  init(&later, 1000001);
  census_ask(census, &now.query);
  census_ask_later(census, &later.query);
  census_free(census);
  run_for(&loop, 20);
  assert_false(now.answered || later.answered);
  census_forget(&now.query);
  census = census_new(&loop, &nobody);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(finds_members_and_nobody_else),
      TEST(one_walk_for_all),
      TEST(a_crowd_holds_up_nobody),
      TEST(forgets),
      TEST(asks_later),
      TEST(asked_twice_is_answered_once),
      TEST(without_orphans_nobody_is_left_behind),
      TEST(freed_with_questions_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
