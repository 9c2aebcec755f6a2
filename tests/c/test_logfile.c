/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/resource.h>
#include <sys/stat.h>

#include "directory.h"
#include "launching.h"
#include "output/logfile.h"

static struct logfile *open_log(uint64_t max_size, unsigned keep) {
  struct logfile *file;
  struct logfile_options options = {.path = "log", .max_size = max_size, .keep = keep};
  assert_int_equal(logfile_open(&options, &file), 0);
  return file;
}

static int put_at(struct logfile *file, const char *text, uint64_t now) {
  unsigned long lost;
  return logfile_write(file, text, strlen(text), now, &lost);
}

static void put(struct logfile *file, const char *text) {
  assert_int_equal(put_at(file, text, 0), 0);
}

static const char *text_of(const char *path) {
  static char text[4][8192];
  static int next;
  char *into = text[next++ % 4];
  int fd = open(path, O_RDONLY);
  if (fd < 0) return "none";
  ssize_t got = read(fd, into, sizeof text[0] - 1);
  into[got < 0 ? 0 : got] = '\0';
  close(fd);
  return into;
}

/* Other limits hold from the next line on, and those beyond the new number go. */
static void takes_other_limits(void **state) {
  (void)state;
  struct logfile *file = open_log(4096, 3);
  struct logfile_options options = {.path = "log", .max_size = 8, .keep = 1};
  put(file, "one\n");
  put(file, "two\n");
  assert_string_equal(text_of("log"), "one\ntwo\n");
  close(open("log.2", O_CREAT | O_WRONLY, 0644));
  logfile_limit(file, &options);
  assert_int_equal(access("log.2", F_OK), -1);
  put(file, "three\n");
  assert_string_equal(text_of("log"), "three\n");
  assert_string_equal(text_of("log.1"), "one\ntwo\n");
  logfile_close(file);
}

/* The file is older than it may be by its clock: at the next line, and not in one. */
static void rotates_by_age(void **state) {
  (void)state;
  struct logfile *file;
  struct logfile_options options = {.path = "log", .keep = 3, .max_age = 1000};
  uint64_t begun = now_ms();
  assert_int_equal(logfile_open(&options, &file), 0);
  assert_int_equal(put_at(file, "one\n", begun + 5000),
                   0); /* empty: only now it begins */
  assert_int_equal(put_at(file, "two", begun + 5900), 0);
  assert_int_equal(put_at(file, " halves\nthree\nfo", begun + 6100), 0);
  assert_string_equal(text_of("log.1"), "one\ntwo halves\nthree\n");
  assert_string_equal(text_of("log"), "fo");
  assert_int_equal(put_at(file, "ur\n", begun + 6200), 0);
  assert_string_equal(text_of("log"), "four\n");
  assert_int_equal(put_at(file, "five\n", now_ms() + 1100), 0);
  assert_string_equal(text_of("log.1"), "four\n");
  assert_string_equal(text_of("log"), "five\n");
  logfile_close(file);
}

/* 32 bytes, of which the last four are left out where a line ends before them. */
static void rotates_at_line_ends(void **state) {
  (void)state;
  struct logfile *file = open_log(32, 2);
  for (int i = 0; i < 8; i++) {
    char line[] = "line 0..\n"; /* 9 bytes */
    line[5] = (char)('0' + i);
    put(file, line);
  }
  assert_string_equal(text_of("log"), "line 6..\nline 7..\n");
  assert_string_equal(text_of("log.1"), "line 3..\nline 4..\nline 5..\n");
  assert_string_equal(text_of("log.2"), "line 0..\nline 1..\nline 2..\n");
  for (int i = 0; i < 6; i++) put(file, "and more\n");
  assert_string_equal(text_of("log.2"), "line 6..\nline 7..\nand more\n");
  assert_string_equal(text_of("log.3"), "none");
  logfile_close(file);
}

static void cuts_a_piece_into_files(void **state) {
  (void)state;
  struct logfile *file = open_log(16, 3);
  put(file, "one\ntwo\nthree\nfour\nfive\n");
  assert_string_equal(text_of("log.1"), "one\ntwo\nthree\n");
  assert_string_equal(text_of("log"), "four\nfive\n");
  put(file, "a line that is longer than a file can be\n");
  assert_string_equal(text_of("log.3"), "four\nfive\n");
  assert_string_equal(text_of("log.2"), "a line that is l");
  assert_string_equal(text_of("log.1"), "onger than a fil");
  assert_string_equal(text_of("log"), "e can be\n");
  logfile_close(file);
}

static void a_started_line_stays_whole(void **state) {
  (void)state;
  struct logfile *file = open_log(80, 1); /* a margin of 10 */
  put(file, "................................................................\n");
  put(file, "par");
  put(file, "tial\nnext\n");
  put(file, "last\n");
  assert_memory_equal(text_of("log.1") + 65, "partial\nnext\n", 14);
  assert_string_equal(text_of("log"), "last\n");
  logfile_close(file);
}

static void keep_none_or_never(void **state) {
  (void)state;
  struct logfile *file = open_log(8, 0);
  put(file, "one two\nthree\n");
  assert_string_equal(text_of("log"), "three\n");
  assert_string_equal(text_of("log.1"), "none");
  logfile_close(file);
  file = open_log(0, 1); /* the control arm: without a size it only grows */
  for (int i = 0; i < 100; i++) put(file, "0123456\n");
  assert_int_equal(strlen(text_of("log")), 806);
  logfile_close(file);
}

static void finds_a_moved_file(void **state) {
  (void)state;
  struct logfile *file = open_log(0, 1);
  uint64_t now = now_ms();
  put_at(file, "old\nhal", now);
  assert_int_equal(rename("log", "moved"), 0);
  put_at(file, "f\n", now + 10); /* not looked at yet */
  put_at(file, "begun", now + 20);
  put_at(file, " long", now + 3000); /* and not at its end */
  put_at(file, " line\nnew\n", now + 3010);
  assert_string_equal(text_of("moved"), "old\nhalf\nbegun long line\n");
  assert_string_equal(text_of("log"), "new\n");
  assert_int_equal(unlink("log"), 0);
  put_at(file, "again\n", now + 6000);
  assert_string_equal(text_of("log"), "again\n");
  logfile_close(file);
}

static void does_not_rename_what_is_not_its_own(void **state) {
  (void)state;
  struct logfile *file = open_log(16, 1);
  put(file, "one\ntwo\n");
  assert_int_equal(rename("log", "moved"), 0);
  close(open("log", O_CREAT | O_WRONLY, 0600));
  put(file, "three\n");
  put(file, "four\n");
  assert_string_equal(text_of("moved"), "one\ntwo\nthree\n");
  assert_string_equal(text_of("log"), "four\n");
  assert_string_equal(text_of("log.1"), "none");
  logfile_close(file);
}

static void reopens_when_told(void **state) {
  (void)state;
  struct logfile *file = open_log(0, 1);
  put(file, "one\n");
  rename("log", "moved");
  assert_int_equal(logfile_reopen(file), 0);
  assert_string_equal(text_of("log"), "");
  put(file, "two\nbeg");
  rename("log", "moved");
  assert_int_equal(logfile_reopen(file), 0);
  put(file, "u");
  put(file, "n\nthree\n");
  assert_string_equal(text_of("moved"), "two\nbegun\n");
  assert_string_equal(text_of("log"), "three\n");
  logfile_close(file);
}

static int limited(struct logfile *file, rlim_t size, const char *text) {
  struct rlimit old, low;
  getrlimit(RLIMIT_FSIZE, &old);
  low = old;
  low.rlim_cur = size;
  setrlimit(RLIMIT_FSIZE, &low);
  int error = put_at(file, text, 0);
  setrlimit(RLIMIT_FSIZE, &old);
  return error;
}

/* A disk that is full in the midst of a line: no part of it is left, before or after. */
static void leaves_no_torn_line(void **state) {
  (void)state;
  signal(SIGXFSZ, SIG_IGN);
  struct logfile *file = open_log(0, 1);
  put(file, "first\n");
  assert_int_equal(limited(file, 10, "second\nthi"), UV_EFBIG);
  assert_string_equal(text_of("log"), "first\n");
  put(file, "rd\nfourth\n");
  assert_string_equal(text_of("log"), "first\nfourth\n");
  put(file, "fif");
  logfile_lose(file, "th\nsix", 6);
  put(file, "th\nseventh\n");
  assert_string_equal(text_of("log"), "first\nfourth\nseventh\n");
  logfile_close(file);
}

/* What was to fill the file was not written: the files before it stay. */
static void a_full_disk_rotates_nothing(void **state) {
  const char *lines = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";
  (void)state;
  signal(SIGXFSZ, SIG_IGN);
  struct logfile *file = open_log(32, 1);
  put(file, "the file before this, and full\n");
  put(file, "a\n");
  for (int i = 0; i < 3; i++) assert_int_equal(limited(file, 8, lines), UV_EFBIG);
  assert_string_equal(text_of("log"), "a\none\n");
  assert_string_equal(text_of("log.1"), "the file before this, and full\n");
  put(file, "b\n");
  assert_string_equal(text_of("log"), "a\none\nb\n");
  logfile_close(file);
}

static void full_device(void **state) {
  (void)state;
  struct logfile *file;
  unsigned long lost = 0;
  struct logfile_options options = {.path = "/dev/full", .max_size = 16, .keep = 1};
  assert_int_equal(logfile_open(&options, &file), 0);
  assert_int_equal(logfile_write(file, "one\ntwo\n", 8, 0, &lost), UV_ENOSPC);
  assert_int_equal(lost, 2);
  assert_int_equal(logfile_write(file, "thr", 3, 0, &lost), UV_ENOSPC);
  assert_int_equal(lost, 0);
  assert_int_equal(logfile_write(file, "ee\nfour\n", 8, 0, &lost), UV_ENOSPC);
  assert_int_equal(lost, 2); /* also the one that had begun before */
  logfile_close(file);
}

static void survives_its_directory(void **state) {
  (void)state;
  struct logfile *file;
  struct logfile_options options = {.path = "d/log", .max_size = 0, .keep = 1};
  mkdir("d", 0700);
  assert_int_equal(logfile_open(&options, &file), 0);
  unlink("d/log");
  rmdir("d");
  uint64_t now = now_ms();
  assert_int_equal(put_at(file, "lost\n", now + 2000), UV_ENOENT);
  mkdir("d", 0700);
  assert_int_equal(put_at(file, "found\n", now + 2001), 0);
  assert_string_equal(text_of("d/log"), "found\n");
  logfile_close(file);
}

static void refuses_links(void **state) {
  (void)state;
  struct logfile *file;
  struct logfile_options options = {.path = "link", .max_size = 0, .keep = 1};
  assert_int_equal(symlink("log", "link"), 0);
  assert_int_equal(logfile_open(&options, &file), UV_ELOOP);
  unlink("link");
  mkfifo("link", 0600);
  assert_int_equal(logfile_open(&options, &file), UV_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, directory_enter, directory_leave)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(takes_other_limits),
      TEST(rotates_by_age),
      TEST(rotates_at_line_ends),
      TEST(cuts_a_piece_into_files),
      TEST(a_started_line_stays_whole),
      TEST(keep_none_or_never),
      TEST(finds_a_moved_file),
      TEST(does_not_rename_what_is_not_its_own),
      TEST(reopens_when_told),
      TEST(leaves_no_torn_line),
      TEST(full_device),
      TEST(a_full_disk_rotates_nothing),
      TEST(survives_its_directory),
      TEST(refuses_links),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
