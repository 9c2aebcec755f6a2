/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>
#include <sys/un.h>

#include "launching.h"
#include "process/notify.h"

static uv_loop_t loop;
static uv_timer_t alive; /* a receiver alone keeps no loop turning */
static struct notify *notify;
static int count;
static pid_t pid, session;
static char text[64];
static bool whole;

static void note(void *data, const struct notify_message *message) {
  (void)data;
  count++;
  pid = message->pid;
  session = message->session;
  whole = message->text != NULL;
  if (whole && message->len < sizeof text)
    snprintf(text, sizeof text, "%.*s", (int)message->len, message->text);
}

static void ring(uv_timer_t *timer) {
  (void)timer;
}

static int setup(void **state) {
  (void)state;
  count = 0;
  text[0] = '\0';
  if (uv_loop_init(&loop) < 0) return -1;
  uv_timer_init(&loop, &alive);
  uv_timer_start(&alive, ring, 1000 * 1000, 0);
  return notify_new(&loop, note, NULL, &notify);
}

static int teardown(void **state) {
  (void)state;
  notify_free(notify);
  uv_close((uv_handle_t *)&alive, NULL);
  close_loop(&loop);
  return 0;
}

static int connected(void) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  const char *name = notify_address(notify);
  assert_int_equal(name[0], '@');
  memcpy(to.sun_path, name, strlen(name));
  to.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
  assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
  return fd;
}

static void names_its_sender(void **state) {
  (void)state;
  int fd = connected();
  assert_int_equal(send(fd, "READY=1\n", 8, 0), 8);
  run_for(&loop, 10);
  assert_int_equal(count, 1);
  assert_string_equal(text, "READY=1\n");
  assert_int_equal(pid, getpid());
  assert_int_equal(session, getsid(0));
  close(fd);
}

/* A child in a session of its own is told apart; one that is gone has no session. */
static void knows_other_sessions(void **state) {
  (void)state;
  int fd = connected(), gate[2], status;
  assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    setsid();
    if (send(fd, "A=1", 3, 0) != 3) _exit(1);
    close(gate[1]);
    _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
  }
  close(gate[0]);
  for (int i = 0; i < 500 && count == 0; i++) run_for(&loop, 10);
  assert_int_equal(pid, child);
  assert_int_equal(session, child);
  close(gate[1]);
  assert_int_equal(waitpid(child, &status, 0), child);
  child = fork();
  if (child == 0) _exit(send(fd, "B=1", 3, 0) == 3 ? 0 : 1);
  assert_int_equal(waitpid(child, &status, 0), child);
  run_for(&loop, 10);
  assert_int_equal(count, 2);
  assert_int_equal(pid, child);
  assert_int_equal(session, 0);
  close(fd);
}

static void send_fds(int to, const int *fds, size_t number) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(32 * sizeof(int))];
  } control = {0};
  struct iovec part = {"BARRIER=1", 9};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = CMSG_SPACE(number * sizeof(int))};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(number * sizeof(int));
  memcpy(CMSG_DATA(header), fds, number * sizeof(int));
  assert_int_equal(sendmsg(to, &message, 0), 9);
}

/* The reader of a pipe sees its end when nobody has the other one: neither sender nor
 * receiver. The control is the time before the loop has turned. */
static void closes_fds(void **state) {
  (void)state;
  for (size_t number = 1; number <= 32; number += 31) {
    int fd = connected(), barrier[2], fds[32];
    char byte;
    assert_int_equal(pipe2(barrier, O_CLOEXEC | O_NONBLOCK), 0);
    for (size_t i = 0; i < number; i++) fds[i] = barrier[1];
    send_fds(fd, fds, number);
    close(barrier[1]);
    assert_int_equal(read(barrier[0], &byte, 1), -1);
    run_for(&loop, 10);
    assert_int_equal(read(barrier[0], &byte, 1), 0);
    assert_int_equal(pid, getpid());
    close(barrier[0]);
    close(fd);
  }
  assert_int_equal(count, 2);
}

static void refuses_long_ones(void **state) {
  (void)state;
  int fd = connected();
  static char bytes[NOTIFY_MESSAGE + 1];
  assert_int_equal(send(fd, bytes, sizeof bytes, 0), sizeof bytes);
  run_for(&loop, 10);
  assert_int_equal(count, 1);
  assert_false(whole);
  assert_int_equal(send(fd, bytes, NOTIFY_MESSAGE, 0), NOTIFY_MESSAGE);
  run_for(&loop, 10);
  assert_true(whole);
  assert_int_equal(send(fd, "", 0, 0), 0);
  run_for(&loop, 10);
  assert_int_equal(count, 3);
  close(fd);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(names_its_sender),
      TEST(knows_other_sessions),
      TEST(closes_fds),
      TEST(refuses_long_ones),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
