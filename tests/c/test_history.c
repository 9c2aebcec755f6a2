/* SPDX-License-Identifier: Apache-2.0 */
#include "history/history.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "directory.h"
#include "history/sqlite.h"
#include "launching.h"

static const struct history_limits roomy = {.max_age = 3600, .max_size = 64 << 20};

static int setup(void **state) {
  signal(SIGXFSZ, SIG_IGN);
  return !sqlite_load() || directory_enter(state);
}

static double wall(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec;
}

static struct history *open_history(const struct history_limits *limits) {
  struct history *history;
  assert_int_equal(history_new("events", limits, &history), 0);
  return history;
}

static void add_at(struct history *history, double time, const char *detail) {
  struct history_entry entry = {
      .time = time, .unit = "top/a", .kind = "exit", .detail = detail};
  history_add(history, &entry);
}

static struct history_count count_of(struct history *history) {
  struct history_count count;
  history_count(history, &count);
  return count;
}

/* Waits until so many are written or lost. */
static struct history_count settle(struct history *history, uint64_t entries) {
  for (int i = 0; i < 6000; i++) {
    struct history_count count = count_of(history);
    if (count.written + count.lost >= entries) return count;
    usleep(5000);
  }
  fail_msg("the thread does not write");
  return count_of(history);
}

struct found {
  int count;
  char text[256];
};

static bool note(void *data, const struct history_entry *entry) {
  struct found *found = data;
  size_t len = strlen(found->text);
  found->count++;
  snprintf(found->text + len, sizeof found->text - len, "%.20s;", entry->detail);
  return found->count < 1000000;
}

static struct found scan(double since, bool newest_first) {
  struct found found = {0};
  assert_null(history_store_scan("events", since, newest_first, note, &found));
  return found;
}

static void keeps_entries_in_order(void **state) {
  (void)state;
  struct history *history = open_history(&roomy);
  struct stat status;
  double now = wall();
  add_at(history, now - 10, "one");
  add_at(history, now - 5, "two");
  add_at(history, now, "three");
  assert_int_equal(settle(history, 3).written, 3);
  assert_string_equal(scan(0, false).text, "one;two;three;"); /* while it is written */
  history_free(history, 5000);
  assert_string_equal(scan(0, true).text, "three;two;one;");
  assert_string_equal(scan(now - 5, false).text, "two;three;");
  assert_int_equal(stat("events", &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
}

static void goes_on_where_it_ended(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    struct history *history = open_history(&roomy);
    add_at(history, wall(), "again");
    history_free(history, 5000);
  }
  assert_int_equal(scan(0, false).count, 3);
}

static void forgets_what_is_old(void **state) {
  (void)state;
  struct history *history = open_history(&roomy);
  add_at(history, wall() - 7200, "old");
  add_at(history, wall(), "new");
  history_free(history, 5000);
  history_free(open_history(&roomy), 5000); /* nothing is looked at without an entry */
  assert_int_equal(scan(0, false).count, 2);
  history = open_history(&roomy);
  add_at(history, wall(), "newer");
  history_free(history, 5000);
  assert_string_equal(scan(0, false).text, "new;newer;");
}

static off_t fill(uint64_t max_size, int entries) {
  struct history_limits limits = {.max_age = 3600, .max_size = max_size};
  struct history *history = open_history(&limits);
  char detail[1001];
  struct stat status;
  memset(detail, 'x', 1000);
  detail[1000] = '\0';
  for (int i = 1; i <= entries; i++) {
    add_at(history, wall(), detail);
    if (i % 1000 == 0) settle(history, (uint64_t)i);
  }
  history_free(history, 5000);
  assert_int_equal(stat("events", &status), 0);
  return status.st_size;
}

/* And without the bound it would be larger: the control. */
static void stays_within_its_size(void **state) {
  (void)state;
  assert_true(fill(1 << 20, 8000) < 3 << 20);
  assert_int_equal(unlink("events"), 0);
  assert_true(fill(1 << 30, 8000) > 8 << 20);
}

static void puts_aside_what_is_no_database(void **state) {
  (void)state;
  struct stat status;
  FILE *file = fopen("events", "w");
  for (int i = 0; i < 1000; i++) fputs("this is no database\n", file);
  fclose(file);
  struct history *history = open_history(&roomy);
  add_at(history, wall(), "new");
  history_free(history, 5000);
  assert_string_equal(scan(0, false).text, "new;");
  assert_int_equal(stat("events.broken", &status), 0);
}

static void limit_files(rlim_t size) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = size;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void counts_what_a_full_disk_loses(void **state) {
  (void)state;
  struct history *history = open_history(&roomy);
  add_at(history, wall(), "before");
  assert_int_equal(settle(history, 1).written, 1);
  limit_files(0);
  add_at(history, wall(), "lost");
  struct history_count count = settle(history, 2);
  limit_files(RLIM_INFINITY);
  assert_int_equal(count.lost, 1);
  assert_string_not_equal(count.message, "");
  add_at(history, wall(), "after");
  assert_int_equal(settle(history, 3).written, 2);
  assert_string_equal(count_of(history).message, "");
  history_free(history, 5000);
  assert_string_equal(scan(0, false).text, "before;after;");
}

/* Somebody else has the file for as long as it takes: nobody waits, and the queue has an
 * end. */
static void waits_for_nobody(void **state) {
  (void)state;
  const struct sqlite *lib = sqlite_load();
  struct history *history = open_history(&roomy);
  char detail[10001];
  sqlite3 *other;
  memset(detail, 'x', 10000);
  detail[10000] = '\0';
  add_at(history, wall(), "before");
  settle(history, 1);
  assert_int_equal(lib->open_v2("events", &other, SQLITE_OPEN_READWRITE, NULL),
                   SQLITE_OK);
  assert_int_equal(lib->exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  for (int i = 0; i < 10000; i++) add_at(history, wall(), detail);
  assert_true(count_of(history).lost >= 5000);
  lib->exec(other, "ROLLBACK", NULL, NULL, NULL);
  lib->close(other);
  history_free(history, 60000);
}

static void refuses_what_is_no_file(void **state) {
  (void)state;
  assert_int_equal(symlink("elsewhere", "events"), 0);
  struct history *history = open_history(&roomy);
  add_at(history, wall(), "lost");
  assert_int_equal(settle(history, 1).lost, 1);
  history_free(history, 5000);
  assert_int_equal(access("elsewhere", F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, directory_leave)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(keeps_entries_in_order),
      TEST(goes_on_where_it_ended),
      TEST(forgets_what_is_old),
      TEST(stays_within_its_size),
      TEST(puts_aside_what_is_no_database),
      TEST(counts_what_a_full_disk_loses),
      TEST(waits_for_nobody),
      TEST(refuses_what_is_no_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
