/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <zlib.h>

#include "directory.h"
#include "launching.h"
#include "output/archive.h"
#include "output/logfile.h"
#include "output/squeezer.h"

static atomic_bool go_on = false, stop_now = true;

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* Also what is not compressed; "none" if there is no such file. */
static const char *text_of(const char *path) {
  static char text[4][64];
  static int next;
  char *into = text[next++ % 4];
  gzFile file = gzopen(path, "r");
  if (!file) return "none";
  int got = gzread(file, into, sizeof text[0] - 1);
  into[got < 0 ? 0 : got] = '\0';
  gzclose(file);
  return into;
}

static bool exists(const char *path) {
  return access(path, F_OK) == 0;
}

static void shifts_both_kinds(void **state) {
  (void)state;
  struct archive *archive = archive_new("log", 3);
  write_file("log", "a");
  write_file("log.1", "b");
  write_file("log.2.gz", "c");
  write_file("log.3.gz", "d");
  assert_int_equal(archive_shift(archive), 0);
  assert_string_equal(text_of("log.1"), "a");
  assert_string_equal(text_of("log.2"), "b");
  assert_string_equal(text_of("log.3.gz"), "c");
  assert_false(exists("log") || exists("log.4.gz") || exists("log.2.gz"));
  assert_int_equal(archive_shift(archive), 0); /* log.2 comes to where log.3.gz was */
  assert_string_equal(text_of("log.3"), "b");
  assert_false(exists("log.3.gz") || exists("log.1"));
  archive_release(archive);
}

static void compresses_what_is_rotated(void **state) {
  struct stat stat_of;
  (void)state;
  struct archive *archive = archive_new("log", 3);
  write_file("log", "now");
  write_file("log.1", "one");
  write_file("log.2.gz", "old");
  write_file("log.3", "three");
  write_file("log.gz.part", "left by one that was killed");
  chmod("log.1", 0600);
  assert_int_equal(archive_squeeze(archive, &go_on), 0);
  assert_string_equal(text_of("log.1.gz"), "one");
  assert_string_equal(text_of("log.3.gz"), "three");
  assert_string_equal(text_of("log.2.gz"), "old");
  assert_false(exists("log.1") || exists("log.3") || exists("log.gz.part"));
  assert_string_equal(text_of("log"), "now");
  assert_int_equal(stat("log.1.gz", &stat_of), 0);
  assert_int_equal(stat_of.st_mode & 0777, 0600);
  archive_release(archive);
}

static void leaves_all_when_it_is_stopped(void **state) {
  (void)state;
  struct archive *archive = archive_new("log", 1);
  write_file("log.1", "one");
  archive_squeeze(archive, &stop_now);
  assert_string_equal(text_of("log.1"), "one");
  assert_false(exists("log.1.gz"));
  archive_release(archive);
}

static void follows_no_link(void **state) {
  (void)state;
  struct archive *archive = archive_new("log", 1);
  write_file("other", "secret");
  assert_int_equal(symlink("other", "log.1"), 0);
  assert_true(archive_squeeze(archive, &go_on) < 0);
  assert_false(exists("log.1.gz"));
  archive_release(archive);
}

static void wait_for(struct squeezer *squeezer) {
  for (uint64_t begun = now_ms();
       !squeezer_is_idle(squeezer) && now_ms() - begun < 10000;)
    usleep(1000);
}

/* Rotated all the while: nothing is lost, nothing is twice, and the order is kept. */
static void keeps_up_with_rotation(void **state) {
  unsigned long lost;
  (void)state;
  struct squeezer *squeezer = squeezer_new();
  struct logfile_options options = {
      .path = "log", .max_size = 4096, .keep = 50, .squeezer = squeezer};
  struct logfile *file;
  assert_int_equal(logfile_open(&options, &file), 0);
  for (int i = 0; i < 10000; i++) {
    char line[24];
    snprintf(line, sizeof line, "line %08d\n", i);
    assert_int_equal(logfile_write(file, line, strlen(line), 0, &lost), 0);
  }
  logfile_close(file);
  wait_for(squeezer);
  squeezer_free(squeezer, 1000);
  int next = 0;
  for (int number = 50; number >= 0; number--) {
    char name[32], line[32];
    snprintf(name, sizeof name, number > 0 ? "log.%d.gz" : "log", number);
    gzFile in = gzopen(name, "r");
    while (in && gzgets(in, line, sizeof line)) assert_int_equal(atoi(line + 5), next++);
    if (in) gzclose(in);
    snprintf(name, sizeof name, "log.%d", number);
    assert_false(exists(name));
  }
  assert_int_equal(next, 10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, directory_enter, directory_leave)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(shifts_both_kinds),
      TEST(compresses_what_is_rotated),
      TEST(leaves_all_when_it_is_stopped),
      TEST(follows_no_link),
      TEST(keeps_up_with_rotation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
