/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks; the control arms show what happens where no time is taken out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/schedule.h"

static struct schedule schedule;
static struct deadline wake, guard;
static int woken, late;

static void expired(struct deadline *deadline, void *context) {
  (void)context;
  if (deadline == &wake)
    woken++;
  else
    late++;
}

static int setup(void **state) {
  (void)state;
  schedule_init(&schedule, DEADLINE_FEW_BITS);
  schedule_set(&schedule, (schedule.now / SCHEDULE_SECOND + 1) * SCHEDULE_SECOND);
  schedule_advance(&schedule, expired, NULL);
  wake = guard = (struct deadline){0};
  woken = late = 0;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  schedule_free(&schedule);
  return 0;
}

static void pass(uint64_t seconds) {
  schedule_set(&schedule, schedule.now + seconds * SCHEDULE_SECOND);
  schedule_advance(&schedule, expired, NULL);
}

static void arm(uint64_t seconds) {
  schedule_wake(&schedule, &wake, schedule.now + seconds * SCHEDULE_SECOND);
  schedule_guard(&schedule, &guard,
                 schedule_served(&schedule) + seconds * SCHEDULE_SECOND);
}

static void both_clocks_run(void **state) {
  (void)state;
  arm(2);
  pass(1);
  assert_int_equal(woken + late, 0);
  pass(1);
  assert_int_equal(woken, 1);
  assert_int_equal(late, 1);
}

static void lost_time_is_not_served(void **state) {
  (void)state;
  arm(2);
  schedule_lose(&schedule, 10 * SCHEDULE_SECOND);
  pass(10);
  assert_int_equal(woken, 1);
  assert_int_equal(late, 0);
  pass(1);
  assert_int_equal(late, 0);
  pass(1);
  assert_int_equal(late, 1);
}

/* The control arm: with nothing taken out, the same pause fails everyone. */
static void control_without_loss(void **state) {
  (void)state;
  arm(2);
  pass(10);
  assert_int_equal(late, 1);
}

/* The next due time; it may be told too early at first, and then moves on. */
static uint64_t next_before(uint64_t due) {
  uint64_t next;
  while ((next = schedule_next(&schedule)) < due) {
    schedule_set(&schedule, next > schedule.now ? next : schedule.now);
    schedule_advance(&schedule, expired, NULL);
    assert_true(schedule_next(&schedule) > next);
  }
  return next;
}

static void next_is_the_earlier_of_both(void **state) {
  (void)state;
  assert_true(schedule_next(&schedule) == UINT64_MAX);
  schedule_lose(&schedule, 5 * SCHEDULE_SECOND);
  pass(5);
  arm(1);
  uint64_t due = schedule.now + SCHEDULE_SECOND;
  assert_int_equal(next_before(due), due);
  deadline_cancel(&wake);
  assert_true(next_before(due) == due); /* the guard's, by the real clock */
  deadline_cancel(&guard);
  assert_true(schedule_next(&schedule) == UINT64_MAX);
}

static void odd_losses_keep_the_guard_in_time(void **state) {
  (void)state;
  for (int i = 0; i < 100; i++) {
    schedule_lose(&schedule, 1234567);
    woken = late = 0;
    uint64_t due = schedule.now + SCHEDULE_SECOND;
    schedule_guard(&schedule, &guard, schedule_served(&schedule) + SCHEDULE_SECOND);
    schedule_set(&schedule, due - 1000000);
    schedule_advance(&schedule, expired, NULL);
    assert_int_equal(late, 0);
    schedule_set(&schedule, due + 1000000);
    schedule_advance(&schedule, expired, NULL);
    assert_int_equal(late, 1);
  }
}

/* Looks for itself as a task does; it is late when its time has come. */
static uint64_t look_at;

static void look(struct deadline *deadline, void *context) {
  (void)context;
  if (schedule_served(&schedule) >= look_at)
    late++;
  else
    schedule_look(&schedule, deadline, look_at);
}

/* How long after it was due it is found. */
static uint64_t lateness(void (*arm_it)(struct schedule *, struct deadline *, uint64_t),
                         uint64_t after) {
  late = 0;
  look_at = schedule_served(&schedule) + after;
  uint64_t due = schedule.now + after;
  arm_it(&schedule, &guard, look_at);
  for (int rounds = 0; !late; rounds++) {
    assert_true(rounds < 20);
    uint64_t next = schedule_next(&schedule);
    schedule_set(&schedule, next > schedule.now ? next : schedule.now);
    schedule_advance(&schedule, look, NULL);
  }
  assert_true(schedule.now >= due);
  return schedule.now - due;
}

static void who_looks_is_not_found_a_tick_late(void **state) {
  (void)state;
  for (uint64_t after = 1; after < 3 * SCHEDULE_TICK; after += 41003) {
    schedule_lose(&schedule, after);
    pass(1);
    assert_true(lateness(schedule_look, after) < SCHEDULE_TICK / 16);
    assert_true(lateness(schedule_look, SCHEDULE_SECOND + after) < SCHEDULE_TICK / 16);
    assert_true(schedule_next(&schedule) == UINT64_MAX);
  }
  schedule_look(&schedule, &guard, look_at + 1);
  deadline_cancel(&guard);
  assert_true(schedule_next(&schedule) == UINT64_MAX);
}

static void control_who_waits_for_the_tick_is(void **state) {
  (void)state;
  assert_true(lateness(schedule_guard, SCHEDULE_SECOND + SCHEDULE_TICK / 8) >
              SCHEDULE_TICK / 2);
}

static void seconds_become_nanoseconds(void **state) {
  (void)state;
  assert_int_equal(schedule_ns(0), 0);
  assert_int_equal(schedule_ns(-1), 0);
  assert_int_equal(schedule_ns((double)NAN), 0);
  assert_int_equal(schedule_ns(1.5), 1500000000);
  assert_true(schedule_ns(HUGE_VAL) == UINT64_C(1000000000) * SCHEDULE_SECOND);
  assert_true(schedule_ns(1e300) + schedule_ns(1e300) > schedule_ns(1e300));
  assert_int_equal(schedule_tick(1), 1);
  assert_int_equal(schedule_tick(1000000), 1);
  assert_int_equal(schedule_tick(1000001), 2);
}

static void a_continue_is_noticed_once(void **state) {
  (void)state;
  assert_false(schedule_was_continued(&schedule));
  schedule_note_continue();
  schedule_note_continue();
  assert_true(schedule_was_continued(&schedule));
  assert_false(schedule_was_continued(&schedule));
}

static void a_manual_clock_stands_still(void **state) {
  (void)state;
  uint64_t now = schedule.now;
  assert_true(schedule_read(&schedule) == now);
  struct schedule real;
  schedule_init(&real, DEADLINE_MOST_BITS);
  now = real.now;
  while (schedule_read(&real) == now) continue;
  assert_true(real.now > now);
  schedule_free(&real);
}

/* Sleeps 6 s as far as the schedule knows, 4 s longer than it wanted to; returns what it lost. */
static unsigned oversleep(void) {
  uint64_t lost = schedule.lost;
  schedule_sleep(&schedule, schedule.now);
  schedule.slept_at -= 6 * SCHEDULE_SECOND;
  schedule.wake_at -= 4 * SCHEDULE_SECOND;
  schedule_read(&schedule);
  return (unsigned)((schedule.lost - lost) / SCHEDULE_SECOND);
}

static void sleep_in_time(void) {
  schedule_sleep(&schedule, schedule.now);
  schedule_read(&schedule);
}

/* Or a guard would wait for ever where all wake-ups come late. */
static void a_slow_machine_loses_what_it_is_late(void **state) {
  (void)state;
  schedule.manual = false;
  sleep_in_time();
  assert_int_equal(oversleep(), 6);
  assert_int_equal(oversleep(), 4);
  assert_int_equal(oversleep(), 4);
  sleep_in_time(); /* the control arms: after a sleep as it should be, or a stop, all of it */
  assert_int_equal(oversleep(), 6);
  schedule_sleep(&schedule, schedule.now);
  schedule.slept_at -= 6 * SCHEDULE_SECOND;
  schedule.wake_at -= 4 * SCHEDULE_SECOND;
  uint64_t lost = schedule.lost;
  schedule_note_continue();
  schedule_read(&schedule);
  assert_int_equal((schedule.lost - lost) / SCHEDULE_SECOND, 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(both_clocks_run, setup, teardown),
      cmocka_unit_test_setup_teardown(lost_time_is_not_served, setup, teardown),
      cmocka_unit_test_setup_teardown(control_without_loss, setup, teardown),
      cmocka_unit_test_setup_teardown(next_is_the_earlier_of_both, setup, teardown),
      cmocka_unit_test_setup_teardown(odd_losses_keep_the_guard_in_time, setup, teardown),
      cmocka_unit_test_setup_teardown(who_looks_is_not_found_a_tick_late, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(control_who_waits_for_the_tick_is, setup, teardown),
      cmocka_unit_test_setup_teardown(seconds_become_nanoseconds, setup, teardown),
      cmocka_unit_test_setup_teardown(a_continue_is_noticed_once, setup, teardown),
      cmocka_unit_test_setup_teardown(a_slow_machine_loses_what_it_is_late, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(a_manual_clock_stands_still, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
