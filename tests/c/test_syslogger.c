/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>
#include <sys/un.h>

#include "directory.h"
#include "launching.h"
#include "output/syslogger.h"

static const struct syslogger_options options = {
    .path = "log", .ident = "web", .priority = 3 * 8 + 6};

static int listen_at(const char *path, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, path);
  unlink(path);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  if (type == SOCK_STREAM) assert_int_equal(listen(fd, 1), 0);
  return fd;
}

static const char *next_message(int fd) {
  static char text[16384];
  ssize_t got = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
  text[got < 0 ? 0 : got] = '\0';
  return text;
}

/* The body of "<30>Nov 21 12:00:00 web: BODY". */
static const char *next_line(int fd) {
  const char *text = next_message(fd);
  if (strncmp(text, "<30>", 4) != 0 || strlen(text) < 25) return "no message";
  return strncmp(text + 19, " web: ", 6) == 0 ? text + 25 : text;
}

static int put(struct syslogger *logger, const char *text, unsigned long *lost) {
  return syslogger_write(logger, text, strlen(text), lost);
}

static void sends_line_by_line(void **state) {
  unsigned long lost;
  (void)state;
  int fd = listen_at("log", SOCK_DGRAM);
  struct syslogger *logger = syslogger_new(&options);
  assert_int_equal(put(logger, "one\n\ntwo\n", &lost), 0);
  assert_string_equal(next_line(fd), "one");
  assert_string_equal(next_line(fd), "two");
  assert_string_equal(next_message(fd), "");
  syslogger_free(logger);
  close(fd);
}

static void connects_again(void **state) {
  unsigned long lost;
  (void)state;
  struct syslogger *logger = syslogger_new(&options);
  assert_int_equal(put(logger, "early\n", &lost), UV_ENOENT);
  assert_int_equal(lost, 1);
  int fd = listen_at("log", SOCK_DGRAM);
  assert_int_equal(put(logger, "one\n", &lost), 0);
  close(fd);
  fd = listen_at("log", SOCK_DGRAM);
  assert_int_equal(put(logger, "two\n", &lost), 0);
  assert_string_equal(next_line(fd), "two");
  syslogger_free(logger);
  close(fd);
}

/* A log that does not read costs lines, and a quarter of a second. */
static void waits_for_nobody(void **state) {
  unsigned long lost;
  int error = 0;
  (void)state;
  int fd = listen_at("log", SOCK_DGRAM);
  struct syslogger *logger = syslogger_new(&options);
  for (int i = 0; i < 10000 && !error; i++) error = put(logger, "line\nnext\n", &lost);
  assert_int_equal(error, UV_ETIMEDOUT);
  assert_in_range(lost, 1, 2);
  syslogger_free(logger);
  close(fd);
}

static void splits_what_is_too_long(void **state) {
  static char line[20002];
  unsigned long lost;
  size_t sum = 0;
  (void)state;
  memset(line, 'x', 20000);
  line[20000] = '\n';
  int fd = listen_at("log", SOCK_DGRAM);
  struct syslogger *logger = syslogger_new(&options);
  assert_int_equal(put(logger, line, &lost), 0);
  for (int i = 0; i < 3; i++) sum += strlen(next_line(fd));
  assert_int_equal(sum, 20000);
  syslogger_free(logger);
  close(fd);
}

static void takes_a_stream(void **state) {
  char text[128] = "";
  unsigned long lost;
  (void)state;
  int fd = listen_at("log", SOCK_STREAM);
  struct syslogger *logger = syslogger_new(&options);
  assert_int_equal(put(logger, "one\ntwo\n", &lost), 0);
  int peer = accept(fd, NULL, NULL);
  ssize_t got = recv(peer, text, sizeof text, MSG_DONTWAIT);
  assert_true(got > 50);
  assert_string_equal(text + 25, "one"); /* ended by a NUL */
  assert_string_equal(text + 29 + 25, "two");
  syslogger_free(logger);
  close(peer);
  close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, directory_enter, directory_leave)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(sends_line_by_line),      TEST(connects_again), TEST(waits_for_nobody),
      TEST(splits_what_is_too_long), TEST(takes_a_stream),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
