/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/deadline.h"

static struct deadline_wheel wheel;
static unsigned near_bits;
static size_t in_use; /* of the model's deadlines */

static void set_up(uint64_t now) {
  deadline_wheel_free(&wheel);
  deadline_wheel_init(&wheel, near_bits, now);
}

struct seen {
  uint64_t last;  /* tick of the last one */
  unsigned count; /* how many */
  char order[64];
};

static void note(struct deadline *deadline, void *context) {
  struct seen *seen = context;
  assert_false(deadline_is_armed(deadline));
  assert_true(deadline->due >= seen->last);
  assert_true(deadline->due <= wheel.now);
  seen->last = deadline->due;
  if (seen->count < sizeof seen->order - 1)
    seen->order[seen->count] = (char)deadline->kind;
  seen->count++;
}

static uint64_t seed = 1;

static uint64_t random_number(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static void nothing_is_due(void **state) {
  (void)state;
  struct seen seen = {0};
  set_up(1000);
  assert_true(deadline_next(&wheel) == UINT64_MAX);
  deadline_advance(&wheel, 5000, note, &seen);
  deadline_advance(&wheel, 4000, note, &seen); /* the clock never goes back */
  assert_int_equal(wheel.now, 5000);
  assert_int_equal(seen.count, 0);
}

static void expires_at_its_tick(void **state) {
  (void)state;
  static const uint64_t distances[] = {1,    2,    63,     64,     65,      4095,
                                       4096, 4097, 262143, 262144, 1u << 30};
  for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
    for (uint64_t from = 0; from < 200; from += 7) {
      struct seen seen = {0};
      struct deadline one = {.kind = 'a'};
      set_up(from);
      deadline_arm(&wheel, &one, from + distances[i]);
      assert_true(deadline_next(&wheel) <= from + distances[i]);
      deadline_advance(&wheel, from + distances[i] - 1, note, &seen);
      assert_int_equal(seen.count, 0);
      deadline_advance(&wheel, from + distances[i], note, &seen);
      assert_int_equal(seen.count, 1);
      assert_true(deadline_next(&wheel) == UINT64_MAX);
    }
  }
}

static void equal_ticks_in_the_order_of_arming(void **state) {
  (void)state;
  struct seen seen = {0};
  struct deadline all[5] = {
      {.kind = 'a'}, {.kind = 'b'}, {.kind = 'c'}, {.kind = 'd'}, {.kind = 'e'}};
  set_up(0);
  for (int i = 0; i < 5; i++) deadline_arm(&wheel, &all[i], 10);
  deadline_arm(&wheel, &all[1], 10); /* moved: now the last */
  deadline_advance(&wheel, 10, note, &seen);
  assert_string_equal(seen.order, "acdeb");
}

static void the_past_expires_next(void **state) {
  (void)state;
  struct seen seen = {0};
  struct deadline one = {.kind = 'a'}, two = {.kind = 'b'};
  set_up(1000);
  deadline_arm(&wheel, &one, 3);
  deadline_arm(&wheel, &two, 1000);
  assert_int_equal(deadline_next(&wheel), 1000);
  deadline_advance(&wheel, 1000, note, &seen);
  assert_int_equal(seen.count, 2);
}

static void move_and_cancel(void **state) {
  (void)state;
  struct seen seen = {0};
  struct deadline one = {.kind = 'a'}, two = {.kind = 'b'};
  set_up(0);
  deadline_cancel(&one);
  deadline_arm(&wheel, &one, 100);
  deadline_arm(&wheel, &one, 5000);
  deadline_arm(&wheel, &two, 100);
  deadline_cancel(&two);
  deadline_cancel(&two);
  assert_true(deadline_is_armed(&one));
  assert_false(deadline_is_armed(&two));
  deadline_advance(&wheel, 4999, note, &seen);
  assert_int_equal(seen.count, 0);
  deadline_arm(&wheel, &one, 5001);
  deadline_advance(&wheel, 5000, note, &seen);
  assert_int_equal(seen.count, 0);
  deadline_advance(&wheel, 5001, note, &seen);
  assert_int_equal(seen.count, 1);
}

static void far_ones_wait(void **state) {
  (void)state;
  struct seen seen = {0};
  struct deadline far = {.kind = 'f'}, last = {.kind = 'l'};
  set_up(77);
  deadline_arm(&wheel, &far, UINT64_C(1) << 50);
  deadline_arm(&wheel, &last, UINT64_MAX);
  assert_true(last.due == DEADLINE_FAR);
  for (uint64_t now = 100; now < UINT64_C(1) << 50; now *= 3)
    deadline_advance(&wheel, now, note, &seen);
  assert_int_equal(seen.count, 0);
  deadline_advance(&wheel, UINT64_C(1) << 50, note, &seen);
  assert_string_equal(seen.order, "f");
  deadline_advance(&wheel, DEADLINE_FAR - 1, note, &seen);
  assert_int_equal(seen.count, 1);
  deadline_advance(&wheel, DEADLINE_FAR, note, &seen);
  assert_int_equal(seen.count, 2);
}

/* ---- callbacks that change the wheel ---- */

struct play {
  struct deadline other;
  unsigned count;
  uint64_t until;
};

static void rearm(struct deadline *deadline, void *context) {
  struct play *play = context;
  play->count++;
  if (wheel.now < play->until) deadline_arm(&wheel, deadline, wheel.now + 1);
}

static void arms_itself_again(void **state) {
  (void)state;
  struct deadline one = {.kind = 'a'};
  struct play play = {.until = 1000};
  set_up(0);
  deadline_arm(&wheel, &one, 1);
  deadline_advance(&wheel, 2000, rearm, &play);
  assert_int_equal(play.count, 1000);
}

static void rearm_now(struct deadline *deadline, void *context) {
  struct play *play = context;
  if (++play->count < 1000000) deadline_arm(&wheel, deadline, 0);
}

/* What asks for "now" again and again waits a tick each time, or advancing would not end. */
static void arms_itself_for_now(void **state) {
  (void)state;
  struct deadline one = {.kind = 'a'};
  struct play play = {0};
  set_up(0);
  deadline_arm(&wheel, &one, 5);
  deadline_advance(&wheel, 10, rearm_now, &play);
  assert_int_equal(play.count, 6);
  deadline_advance(&wheel, 20, rearm_now, &play);
  assert_int_equal(play.count, 16);
}

static void cancel_other(struct deadline *deadline, void *context) {
  struct play *play = context;
  (void)deadline;
  play->count++;
  deadline_cancel(&play->other);
}

static void cancels_its_neighbour(void **state) {
  (void)state;
  struct deadline before = {.kind = 'a'}, after = {.kind = 'c'};
  struct play play = {.other = {.kind = 'b'}};
  set_up(0);
  deadline_arm(&wheel, &before, 10);
  deadline_arm(&wheel, &play.other, 10);
  deadline_arm(&wheel, &after, 10);
  deadline_advance(&wheel, 10, cancel_other, &play);
  assert_int_equal(play.count, 2);
  assert_false(deadline_is_armed(&after));
}

/* ---- against a model ---- */

enum { MODEL = 300, MODEL_OF_FEW = 12 };
static struct deadline all[MODEL];
static uint64_t due[MODEL]; /* 0: not armed */

static void check_model(struct deadline *deadline, void *context) {
  size_t i = (size_t)(deadline - all);
  struct seen *seen = context;
  assert_true(due[i] != 0);
  assert_int_equal(due[i], wheel.now);
  due[i] = 0;
  seen->count++;
  if (random_number() % 4 == 0) { /* arm another, or itself, from within */
    size_t j = random_number() % in_use;
    due[j] = wheel.now + 1 + random_number() % 100;
    deadline_arm(&wheel, &all[j], due[j]);
  } else if (random_number() % 8 == 0) {
    size_t j = random_number() % in_use;
    due[j] = 0;
    deadline_cancel(&all[j]);
  }
}

static uint64_t random_distance(void) {
  return 1 + random_number() % (UINT64_C(1) << (random_number() % 24));
}

static uint64_t earliest(void) {
  uint64_t least = UINT64_MAX;
  for (size_t i = 0; i < in_use; i++)
    if (due[i] && due[i] < least) least = due[i];
  return least;
}

static void random_step(struct seen *seen) {
  size_t i = random_number() % in_use;
  switch (random_number() % 8) {
    case 0:
      due[i] = 0;
      deadline_cancel(&all[i]);
      break;
    case 1: {
      uint64_t now = wheel.now + random_distance() / 4;
      deadline_advance(&wheel, now, check_model, seen);
      assert_true(earliest() > now);
      break;
    }
    default:
      due[i] = wheel.now + random_distance();
      deadline_arm(&wheel, &all[i], due[i]);
  }
  assert_true(deadline_next(&wheel) <= earliest());
  assert_true(deadline_next(&wheel) >= wheel.now);
}

static void agrees_with_a_model(void **state) {
  (void)state;
  for (seed = 1; seed < 2000; seed = seed / 2 * 2 + 101) {
    uint64_t first = seed;
    struct seen seen = {0};
    memset(due, 0, sizeof due);
    memset(all, 0, sizeof all);
    set_up(random_number() % (UINT64_C(1) << 40));
    for (int step = 0; step < 20000; step++) random_step(&seen);
    assert_true(seen.count > 100);
    assert_true((wheel.table == NULL) == (in_use == MODEL_OF_FEW)); /* what was tested */
    seed = first;
  }
}

/* ---- a million ---- */

static double seconds(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void a_million(void **state) {
  (void)state;
  enum { MANY = 1000000 };
  struct deadline *many = calloc(MANY, sizeof *many);
  struct seen seen = {0};
  assert_non_null(many);
  assert_int_equal(sizeof *many, 24);
  double began = seconds();
  set_up(0);
  for (int i = 0; i < MANY; i++)
    deadline_arm(&wheel, &many[i], 1 + random_number() % 100000);
  for (int i = 0; i < MANY; i++)
    deadline_arm(&wheel, &many[i], 1 + random_number() % 100000);
  for (int i = 0; i < MANY; i += 2) deadline_cancel(&many[i]);
  for (uint64_t now = 0; now <= 100000; now += 10)
    deadline_advance(&wheel, now, note, &seen);
  assert_int_equal(seen.count, MANY / 2);
  assert_true(seconds() - began < 20); /* 0.2 s, where nothing else runs */
  free(many);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_due),
      cmocka_unit_test(expires_at_its_tick),
      cmocka_unit_test(equal_ticks_in_the_order_of_arming),
      cmocka_unit_test(the_past_expires_next),
      cmocka_unit_test(move_and_cancel),
      cmocka_unit_test(far_ones_wait),
      cmocka_unit_test(arms_itself_again),
      cmocka_unit_test(arms_itself_for_now),
      cmocka_unit_test(cancels_its_neighbour),
      cmocka_unit_test(agrees_with_a_model),
      cmocka_unit_test(a_million),
  };
  near_bits = DEADLINE_MOST_BITS;
  in_use = MODEL;
  int failed = cmocka_run_group_tests_name("many slots", tests, NULL, NULL);
  near_bits = DEADLINE_FEW_BITS;
  failed += cmocka_run_group_tests_name("few slots", tests, NULL, NULL);
  in_use = MODEL_OF_FEW;
  failed += cmocka_run_group_tests_name("a list", tests, NULL, NULL);
  deadline_wheel_free(&wheel);
  return failed;
}
