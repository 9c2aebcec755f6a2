/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include "launching.h"
#include "process/child.h"
#include "process/kin.h"

/* One program under test and what it said of itself. */
struct subject {
  struct child *child;
  pid_t pid, leftover;
  int out;
  struct child_status status;
  bool left, empty, close_when_left, close_when_empty;
};

static uv_loop_t loop;
static struct nursery *nursery;

static void note_left(void *data, const struct child_status *status) {
  struct subject *subject = data;
  assert_false(subject->left);
  subject->left = true;
  subject->status = *status;
  if (subject->close_when_left) child_close(subject->child);
}

static void note_empty(void *data) {
  struct subject *subject = data;
  assert_true(subject->left);
  assert_false(subject->empty);
  subject->empty = true;
  if (subject->close_when_empty) child_close(subject->child);
}

static int setup(void **state) {
  (void)state;
  uv_loop_init(&loop);
  nursery = nursery_new(&loop);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  nursery_free(nursery);
  close_loop(&loop);
  return 0;
}

static const char *mark; /* of the programs to come, or NULL */

static void start(struct subject *subject, char *const *argv) {
  int ends[2];
  struct launch_result result;
  struct child_events events = {note_left, NULL, note_empty, subject};
  *subject = (struct subject){.pid = 0};
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  struct launch_spec spec = spec_of(argv, ends[1]);
  spec.mark = mark;
  assert_int_equal(child_start(nursery, &spec, &events, &subject->child, &result), 0);
  close(ends[1]);
  subject->out = ends[0];
  subject->pid = child_pid(subject->child);
  assert_true(nursery_owns(nursery, subject->pid));
}

/* Who was found, besides the leader. */
struct finding {
  struct subject *subject;
  pid_t other;
  bool done;
};

static void note_found(struct census_query *query, pid_t pid) {
  struct finding *finding = query->data;
  if (pid != finding->subject->pid && child_has(finding->subject->child, pid))
    finding->other = pid;
}

static void note_done(struct census_query *query, int error) {
  struct finding *finding = query->data;
  (void)error;
  finding->done = true;
}

/* The one member besides the leader. */
static pid_t other_member(struct subject *subject) {
  struct finding finding = {.subject = subject};
  struct census_query query = {.found = note_found, .done = note_done, .data = &finding};
  census_ask(child_members(subject->child, &query), &query);
  assert_true(run_until(&loop, &finding.done, 20000));
  return finding.other;
}

static void start_ready(struct subject *subject, char *const *argv) {
  start(subject, argv);
  assert_string_equal(slurp(subject->out, true), "ready\n");
  subject->leftover = other_member(subject);
}

static void finish(struct subject *subject) {
  close(subject->out);
  child_close(subject->child);
}

static void exit_codes(void **state) {
  (void)state;
  static const char *const codes[] = {"0", "1", "126", "127"};
  for (int i = 0; i < 4; i++) {
    struct subject subject;
    start(&subject, ARGV(HELPER("exit_with"), (char *)codes[i]));
    assert_true(run_until(&loop, &subject.empty, 20000));
    assert_int_equal(subject.status.code, atoi(codes[i]));
    assert_int_equal(subject.status.signal, -1);
    assert_false(subject.status.core);
    assert_false(nursery_owns(nursery, subject.pid));
    assert_int_equal(kill(subject.pid, 0), -1); /* reaped */
    finish(&subject);
  }
}

static void signals_are_not_codes(void **state) {
  (void)state;
  struct subject subject;
  start_ready(&subject, ARGV(HELPER("ignore_term")));
  assert_int_equal(child_signal(subject.child, SIGTERM), 0);
  run_for(&loop, 50);
  assert_false(subject.left);
  assert_int_equal(child_signal(subject.child, SIGKILL), 0);
  assert_true(run_until(&loop, &subject.empty, 20000));
  assert_int_equal(subject.status.code, -1);
  assert_int_equal(subject.status.signal, SIGKILL);
  assert_int_equal(child_signal(subject.child, SIGKILL), 0);
  assert_int_equal(child_signal_group(subject.child, SIGKILL), 0);
  finish(&subject);
}

/* While a member lives it is not empty, wherever in the session
 * that is. */
static void leftovers(const char *when, const char *where) {
  struct subject subject;
  start_ready(&subject, ARGV(HELPER("leave_child"), (char *)when, (char *)where));
  if (strcmp(when, "term") == 0) child_signal_group(subject.child, SIGTERM);
  assert_true(run_until(&loop, &subject.left, 20000));
  assert_int_equal(subject.status.code, 7);
  run_for(&loop, 50);
  pid_t leftover = other_member(&subject);
  assert_true(leftover > 0 && lives(leftover));
  assert_false(subject.empty);
  child_signal_group(subject.child, SIGTERM); /* ignored */
  run_for(&loop, 50);
  assert_false(subject.empty);
  child_signal_group(subject.child, SIGKILL);
  assert_true(run_until(&loop, &subject.empty, 20000));
  assert_false(lives(leftover));
  assert_false(child_has(subject.child, leftover));
  finish(&subject);
}

static void leftovers_of_the_group(void **state) {
  (void)state;
  leftovers("now", "group");
  leftovers("term", "group");
}

static void leftovers_of_the_session(void **state) {
  (void)state;
  leftovers("now", "session");
  leftovers("term", "session");
}

/* Runs a program that leaves behind somebody in a session apart; returns its pid. The
 * helper has its mark from the environment that the test has itself. */
static pid_t escape(struct subject *subject, const char *its_mark) {
  pid_t found = 0;
  struct kin_owner owner = nursery_owner(nursery);
  setenv("LUVISOR_UNIT", "test/1@child", 1);
  mark = its_mark;
  start_ready(subject, ARGV(HELPER("leave_child"), "now", "escape"));
  mark = NULL;
  unsetenv("LUVISOR_UNIT");
  assert_true(run_until(&loop, &subject->left, 20000));
  assert_int_equal(kin_orphans(&owner, &found, 1), 1);
  assert_true(getsid(found) == found && lives(found));
  return found;
}

static void leftovers_in_other_sessions(void **state) {
  (void)state;
  struct subject subject;
  pid_t escapee = escape(&subject, "test/1@child");
  run_for(&loop, 50);
  assert_false(subject.empty);
  assert_int_equal(other_member(&subject), escapee);
  child_signal_group(subject.child, SIGTERM); /* ignored */
  run_for(&loop, 50);
  assert_false(subject.empty);
  child_signal_group(subject.child, SIGKILL);
  assert_true(run_until(&loop, &subject.empty, 20000));
  assert_false(lives(escapee));
  waitpid(escapee, NULL, 0);
  finish(&subject);
}

/* The control arm: with no mark to go by, or another one, it is a stranger. */
static void escape_without_mark(void **state) {
  (void)state;
  static const char *const marks[] = {NULL, "test/2@child", "est/1@child", "test/1@chil"};
  for (int i = 0; i < 4; i++) {
    struct subject subject;
    pid_t escapee = escape(&subject, marks[i]);
    child_signal_group(subject.child, SIGKILL);
    assert_true(run_until(&loop, &subject.empty, 20000));
    assert_true(lives(escapee));
    kill(escapee, SIGKILL);
    waitpid(escapee, NULL, 0);
    finish(&subject);
  }
}

/* The control arm of those two: a kill of the leader alone leaves the other alive. */
static void killing_the_leader_alone(void **state) {
  (void)state;
  struct subject subject;
  start_ready(&subject, ARGV(HELPER("leave_child"), "stay", "group"));
  child_signal(subject.child, SIGKILL);
  assert_true(run_until(&loop, &subject.left, 20000));
  run_for(&loop, 100);
  assert_true(lives(subject.leftover));
  assert_false(subject.empty);
  kill(subject.leftover, SIGKILL); /* noticed though nobody of the host did it */
  assert_true(run_until(&loop, &subject.empty, 20000));
  finish(&subject);
}

/* The pid of a dead leader stays taken as long as its session may be signalled. */
static void dead_leader_keeps_its_pid(void **state) {
  (void)state;
  struct subject subject;
  start_ready(&subject, ARGV(HELPER("leave_child"), "now", "session"));
  assert_true(run_until(&loop, &subject.left, 20000));
  run_for(&loop, 50);
  assert_true(nursery_owns(nursery, subject.pid));
  assert_int_equal(getsid(subject.pid), subject.pid);
  child_signal_group(subject.child, SIGKILL);
  assert_true(run_until(&loop, &subject.empty, 20000));
  assert_false(nursery_owns(nursery, subject.pid));
  finish(&subject);
}

static void stopped_program(void **state) {
  (void)state;
  struct subject subject;
  start_ready(&subject, ARGV(HELPER("leave_child"), "term", "group"));
  child_signal_group(subject.child, SIGSTOP);
  child_signal_group(subject.child, SIGTERM);
  run_for(&loop, 50);
  assert_false(subject.left);
  child_signal_group(subject.child, SIGCONT);
  assert_true(run_until(&loop, &subject.left, 20000));
  assert_int_equal(subject.status.code, 7);
  child_signal_group(subject.child, SIGKILL);
  assert_true(run_until(&loop, &subject.empty, 20000));
  finish(&subject);
}

static void close_in_callbacks(void **state) {
  (void)state;
  struct subject subject;
  start(&subject, ARGV("true"));
  subject.close_when_left = true;
  assert_true(run_until(&loop, &subject.left, 20000));
  run_for(&loop, 50);
  assert_false(subject.empty);
  close(subject.out);
  start(&subject, ARGV("true"));
  subject.close_when_empty = true;
  assert_true(run_until(&loop, &subject.empty, 20000));
  close(subject.out);
}

static void abandoned_leader_is_reaped(void **state) {
  (void)state;
  struct subject subject;
  start_ready(&subject, ARGV(HELPER("ignore_term")));
  finish(&subject);
  run_for(&loop, 20);
  assert_true(lives(subject.pid));
  kill(subject.pid, SIGKILL);
  for (int i = 0; i < 200 && kill(subject.pid, 0) == 0; i++) run_for(&loop, 10);
  assert_int_equal(kill(subject.pid, 0), -1);
  assert_false(subject.left);
}

/* A status that somebody stole is unknown, not a success. */
static void stolen_status(void **state) {
  (void)state;
  struct subject subject;
  start(&subject, ARGV("true"));
  assert_int_equal(waitpid(subject.pid, NULL, 0), subject.pid);
  assert_true(run_until(&loop, &subject.empty, 20000));
  assert_int_equal(subject.status.code, -1);
  assert_int_equal(subject.status.signal, -1);
  finish(&subject);
}

/* Without an fd to spare for a leftover's pidfd, emptiness comes late but never early. */
static void leftovers_without_fds(void **state) {
  (void)state;
  int fds[64], count = 0;
  struct rlimit old, low;
  struct subject subject;
  start_ready(&subject, ARGV(HELPER("leave_child"), "term", "group"));
  getrlimit(RLIMIT_NOFILE, &old);
  low = (struct rlimit){40, old.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  child_signal_group(subject.child, SIGTERM);
  assert_true(run_until(&loop, &subject.left, 20000));
  while (count < 64 && (fds[count] = open("/dev/null", O_RDONLY)) >= 0) count++;
  run_for(&loop, 300);
  assert_false(subject.empty);
  kill(subject.leftover, SIGKILL);
  bool empty = run_until(&loop, &subject.empty, 2000);
  while (count > 0) close(fds[--count]);
  setrlimit(RLIMIT_NOFILE, &old);
  assert_true(empty);
  finish(&subject);
}

enum { MANY = 100 };

/* All stop at once; every one is found empty, and nothing is left open. */
static void many_at_once(void **state) {
  (void)state;
  static struct subject subjects[MANY];
  int before = dup(0);
  close(before);
  for (int i = 0; i < MANY; i++)
    start_ready(&subjects[i], ARGV(HELPER("leave_child"), "term", "session"));
  for (int i = 0; i < MANY; i++) child_signal_group(subjects[i].child, SIGKILL);
  for (int i = 0; i < MANY; i++) {
    assert_true(run_until(&loop, &subjects[i].empty, 20000));
    finish(&subjects[i]);
  }
  run_for(&loop, 10);
  int after = dup(0);
  close(after);
  assert_int_equal(before, after);
}

static void nursery_lets_go_of_the_living(void **state) {
  (void)state;
  struct subject subject, closed;
  start_ready(&subject, ARGV(HELPER("ignore_term")));
  start_ready(&closed, ARGV(HELPER("ignore_term")));
  finish(&closed);
  nursery_free(nursery);
  assert_true(lives(subject.pid) && lives(closed.pid));
  kill(subject.pid, SIGKILL);
  kill(closed.pid, SIGKILL);
  finish(&subject);
  waitpid(subject.pid, NULL, 0);
  waitpid(closed.pid, NULL, 0);
  nursery = nursery_new(&loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(exit_codes),
      TEST(signals_are_not_codes),
      TEST(leftovers_of_the_group),
      TEST(leftovers_of_the_session),
      TEST(leftovers_in_other_sessions),
      TEST(escape_without_mark),
      TEST(killing_the_leader_alone),
      TEST(dead_leader_keeps_its_pid),
      TEST(stopped_program),
      TEST(close_in_callbacks),
      TEST(abandoned_leader_is_reaped),
      TEST(stolen_status),
      TEST(leftovers_without_fds),
      TEST(many_at_once),
      TEST(nursery_lets_go_of_the_living),
  };
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
