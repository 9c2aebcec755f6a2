/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "launching.h"
#include "output/output.h"

static uv_loop_t loop;
static struct output *all;
static char *said;
static size_t said_len;

static void note(void *data, const char *lines, size_t len) {
  (void)data;
  assert_int_equal(lines[len - 1], '\n');
  said = realloc(said, said_len + len + 1);
  memcpy(said + said_len, lines, len);
  said_len += len;
  said[said_len] = '\0';
}

static int setup(void **state) {
  (void)state;
  said = strdup("");
  said_len = 0;
  return uv_loop_init(&loop);
}

static int teardown(void **state) {
  (void)state;
  bool is_open = all != NULL;
  while (all) output_free(all);
  close_loop(&loop);
  assert_false(is_open);
  free(said);
  return 0;
}

static struct output *open_output(int *write_end) {
  int error;
  struct lines_style style = {.prefix = "p | "};
  struct output_target target = {.style = &style, .sink = note, .all = &all};
  struct output *output = output_new(&loop, &target, write_end, &error);
  assert_non_null(output);
  return output;
}

static void say(int fd, const char *text) {
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void lines(void **state) {
  (void)state;
  int fd;
  struct output *output = open_output(&fd);
  say(fd, "one\ntw");
  run_for(&loop, 10);
  assert_string_equal(said, "p | one\n");
  say(fd, "o\n\nlast");
  run_for(&loop, 10);
  assert_string_equal(said, "p | one\np | two\np | \n");
  close(fd);
  output_drain(output, 1000);
  run_for(&loop, 10);
  assert_string_equal(said, "p | one\np | two\np | \np | last\n");
}

static char tapped[64];

static void tap(void *data, const char *line, size_t len) {
  (void)data;
  snprintf(tapped + strlen(tapped), sizeof tapped - strlen(tapped), "<%.*s>", (int)len,
           line);
}

/* The tap hears bare lines, up to the last one that a dead program has left. */
static void tapped_lines(void **state) {
  (void)state;
  int fd, error;
  struct lines_style style = {.prefix = "p | "};
  struct output_target target = {.style = &style, .sink = note, .all = &all, .tap = tap};
  struct output *output = output_new(&loop, &target, &fd, &error);
  assert_non_null(output);
  tapped[0] = '\0';
  say(fd, "one\ntw");
  run_for(&loop, 10);
  say(fd, "o\n\n");
  output_drain(output, 1000);
  assert_string_equal(tapped, "<one><two><>");
  say(fd, "late\n");
  run_for(&loop, 10);
  assert_string_equal(tapped, "<one><two><>");
  assert_string_equal(said, "p | one\np | two\np | \np | late\n");
  close(fd);
  run_for(&loop, 10);
}

static void send_letters(int fd, size_t count) {
  char letters[4096];
  memset(letters, 'x', sizeof letters);
  while (count > 0) {
    ssize_t sent = write(fd, letters, count < sizeof letters ? count : sizeof letters);
    if (sent > 0)
      count -= (size_t)sent;
    else
      uv_run(&loop, UV_RUN_NOWAIT);
  }
}

/* Too long a line is split where everybody sees it, and any byte passes. */
static void long_lines(void **state) {
  (void)state;
  int fd;
  size_t sizes[] = {LINES_MAX, LINES_MAX + 1, 10 * LINES_MAX, 10 * LINES_MAX + 5};
  for (int i = 0; i < 4; i++) {
    struct output *output = open_output(&fd);
    size_t marks = 0, letters = 0;
    said_len = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    send_letters(fd, sizes[i]);
    run_for(&loop, 5);
    say(fd, "\n");
    close(fd);
    output_drain(output, 1000);
    run_for(&loop, 5);
    for (char *at = said; (at = strstr(at, " [continued]\n")) != NULL; at++) marks++;
    for (size_t at = 0; at < said_len; at++) letters += said[at] == 'x';
    assert_int_equal(marks, (sizes[i] - 1) / LINES_MAX);
    assert_int_equal(letters, sizes[i]);
  }
}

static void any_byte(void **state) {
  (void)state;
  int fd;
  struct output *output = open_output(&fd);
  assert_int_equal(write(fd, "a\0b\xff\r\n", 6), 6);
  close(fd);
  output_drain(output, 1000);
  run_for(&loop, 5);
  assert_memory_equal(said, "p | a\0b\xff\r\n", 10);
}

/* One turn of the loop takes a bounded part of what a chatty program has to say. */
static void bounded_turns(void **state) {
  (void)state;
  int fd;
  struct output *output = open_output(&fd);
  fcntl(fd, F_SETPIPE_SZ, 1 << 20);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  while (write(fd, "0123456\n", 8) == 8) continue;
  uv_run(&loop, UV_RUN_NOWAIT);
  assert_in_range(said_len, 1, 3 * LINES_MAX);
  output_catch_up(output);
  assert_true(said_len > 1 << 20);
  close(fd);
  output_free(output);
}

static pid_t start_holder(int fd) {
  struct launch_result result;
  struct launch_spec spec = spec_of(ARGV(HELPER("hold_pipe")), fd);
  assert_int_equal(launch(&spec, &result), 0);
  close(fd);
  assert_int_equal(waitpid(result.pid, NULL, 0), result.pid);
  close(result.pidfd);
  return result.pid;
}

/* One that escaped with the pipe, and this test as well, hold it for longer than the drain lasts. */
static void held_pipe(void **state) {
  (void)state;
  int fd;
  struct output *output = open_output(&fd);
  int held = dup(fd);
  start_holder(fd);
  run_for(&loop, 100);
  assert_true(
      uv_loop_alive(&loop)); /* control: of itself it does not end with its program */
  assert_int_equal(said_len, 0);
  output_drain(output, 100);
  uv_run(&loop, UV_RUN_DEFAULT); /* would not end while the pipe is held */
  assert_string_equal(said, "p | partial\n");
  close(held);
}

/* Printed just before the exit: all there, each time. */
static void last_words(void **state) {
  (void)state;
  for (int i = 0; i < 100; i++) {
    int fd;
    struct launch_result result;
    struct output *output = open_output(&fd);
    struct launch_spec spec = spec_of(ARGV(HELPER("exit_with"), "0"), fd);
    said_len = 0;
    assert_int_equal(launch(&spec, &result), 0);
    close(fd);
    assert_int_equal(waitpid(result.pid, NULL, 0), result.pid);
    close(result.pidfd);
    output_drain(output, 1000);
    assert_string_equal(said, "p | last words\n");
  }
}

static void files(void **state) {
  (void)state;
  char dir[] = "/tmp/output.XXXXXX";
  struct stat stat;
  assert_non_null(mkdtemp(dir));
  assert_int_equal(chdir(dir), 0);
  int fd = logfile_open_path("log");
  say(fd, "one\n");
  close(fd);
  fd = logfile_open_path("log");
  say(fd, "two\n");
  assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  assert_int_equal(fstat(fd, &stat), 0);
  assert_int_equal(stat.st_size, 8);
  close(fd);
  fd = logfile_open_path("/dev/null");
  assert_true(fd >= 0);
  close(fd);
  assert_int_equal(symlink("log", "link"), 0);
  assert_int_equal(mkfifo("fifo", 0600), 0);
  assert_int_equal(logfile_open_path("link"), UV_ELOOP);
  assert_int_equal(logfile_open_path("fifo"), UV_EINVAL);
  assert_int_equal(logfile_open_path("."), UV_EISDIR);
  assert_int_equal(logfile_open_path("no/such"), UV_ENOENT);
  unlink("log"), unlink("link"), unlink("fifo");
  assert_int_equal(chdir("/"), 0);
  rmdir(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(lines),         TEST(tapped_lines), TEST(long_lines), TEST(any_byte),
      TEST(bounded_turns), TEST(held_pipe),    TEST(last_words), TEST(files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
