/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "message/link.h"

enum { MANY = 10000 };

static uv_loop_t loop;

/* What one end has heard: numbers that must come in order. */
struct end {
  struct link *link;
  uint32_t frames;
  size_t bytes;
  bool ended;
};

static void on_frame(void *data, const char *bytes, size_t length) {
  struct end *end = data;
  uint32_t number;
  assert_true(length >= sizeof number);
  memcpy(&number, bytes, sizeof number);
  assert_int_equal(number, end->frames);
  assert_false(end->ended);
  end->frames++;
  end->bytes += length;
}

static void on_ended(void *data) {
  struct end *end = data;
  assert_false(end->ended);
  end->ended = true;
}

static struct link_events events_of(struct end *end) {
  return (struct link_events){on_frame, on_ended, end};
}

static int send_number(struct end *end, uint32_t number) {
  return link_send(end->link, (const char *)&number, sizeof number, false);
}

static void turn(void) {
  uv_run(&loop, UV_RUN_NOWAIT);
}

static int set_up(void **state) {
  (void)state;
  return uv_loop_init(&loop);
}

static int tear_down(void **state) {
  (void)state;
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop);
}

/* ---- threads ---- */

static void write_numbers(void *data) {
  struct channel *channel = data;
  uv_loop_t own;
  struct end end = {0};
  struct link_events events = events_of(&end);
  assert_int_equal(uv_loop_init(&own), 0);
  assert_int_equal(link_open_channel(&own, channel, 1, &events, &end.link), 0);
  for (uint32_t number = 0; number < MANY;)
    if (send_number(&end, number) == 0) number++;
  link_close(end.link);
  uv_run(&own, UV_RUN_DEFAULT);
  uv_loop_close(&own);
  channel_leave(channel, 1);
}

static void keeps_the_order_between_threads(void **state) {
  (void)state;
  struct end end = {0};
  struct link_events events = events_of(&end);
  struct channel *channel;
  assert_int_equal(channel_new(&channel), 0);
  uv_thread_t thread;
  assert_int_equal(link_open_channel(&loop, channel, 0, &events, &end.link), 0);
  uv_thread_create(&thread, write_numbers, channel);
  while (!end.ended) uv_run(&loop, UV_RUN_ONCE);
  uv_thread_join(&thread);
  assert_int_equal(end.frames, MANY);
  assert_int_equal(send_number(&end, 0), UV_EPIPE);
  link_close(end.link);
  channel_leave(channel, 0);
}

static void open_without_loop(struct end *end, struct channel *channel, int side) {
  struct link_events events = events_of(end);
  assert_int_equal(link_open_channel(NULL, channel, side, &events, &end->link), 0);
}

/* What a reader has that only waits, and then a loop: the same. */
static void keeps_the_order_without_a_loop(void **state) {
  (void)state;
  struct end end = {0};
  struct channel *channel;
  uv_thread_t thread;
  assert_int_equal(channel_new(&channel), 0);
  open_without_loop(&end, channel, 0);
  uv_thread_create(&thread, write_numbers, channel);
  while (end.frames < MANY / 2) link_wait(end.link, UINT64_MAX);
  assert_int_equal(link_attach(end.link, &loop), 0);
  while (!end.ended) uv_run(&loop, UV_RUN_ONCE);
  uv_thread_join(&thread);
  assert_int_equal(end.frames, MANY);
  link_close(end.link);
  channel_leave(channel, 0);
}

static void a_wait_has_an_end(void **state) {
  (void)state;
  struct end end = {0};
  struct channel *channel;
  uint64_t until = uv_hrtime() + 1000000;
  assert_int_equal(channel_new(&channel), 0);
  open_without_loop(&end, channel, 0);
  link_wait(end.link, 0);
  link_wait(end.link, until);
  assert_true(uv_hrtime() >= until);
  channel_leave(channel, 1);
  link_wait(end.link, UINT64_MAX);
  assert_true(end.ended);
  link_close(end.link);
  channel_leave(channel, 0);
}

static void close_it(void *data, const char *bytes, size_t length) {
  struct end *end = data;
  (void)bytes;
  (void)length;
  end->frames++;
  link_close(end->link);
}

static void is_closed_while_it_tells(void **state) {
  (void)state;
  struct end end = {0}, other = {0};
  struct link_events events = {close_it, on_ended, &end};
  struct channel *channel;
  assert_int_equal(channel_new(&channel), 0);
  assert_int_equal(link_open_channel(NULL, channel, 0, &events, &end.link), 0);
  open_without_loop(&other, channel, 1);
  for (uint32_t number = 0; number < 3; number++) send_number(&other, number);
  link_wait(end.link, UINT64_MAX);
  assert_int_equal(end.frames, 1);
  assert_int_equal(send_number(&other, 0), UV_EPIPE);
  link_close(other.link);
  channel_leave(channel, 0);
  channel_leave(channel, 1);
}

static void says_why_there_is_none(void **state) {
  (void)state;
  struct end end = {0};
  struct link_events events = events_of(&end);
  struct channel *channel;
  struct rlimit before, none = {0};
  assert_int_equal(channel_new(&channel), 0);
  getrlimit(RLIMIT_NOFILE, &before);
  none.rlim_max = before.rlim_max;
  setrlimit(RLIMIT_NOFILE, &none);
  int result = link_open_channel(&loop, channel, 0, &events, &end.link);
  setrlimit(RLIMIT_NOFILE, &before);
  assert_int_equal(result, UV_EMFILE);
  channel_leave(channel, 0);
  channel_leave(channel, 1);
}

static void is_bounded(void **state) {
  (void)state;
  struct end end = {0};
  struct link_events events = events_of(&end);
  struct channel *channel;
  assert_int_equal(channel_new(&channel), 0);
  static char bytes[1 << 20];
  assert_int_equal(link_open_channel(&loop, channel, 0, &events, &end.link), 0);
  for (size_t sent = 0; sent + sizeof bytes <= LINK_ROOM; sent += sizeof bytes)
    assert_int_equal(link_send(end.link, bytes, sizeof bytes, false), 0);
  assert_int_equal(link_send(end.link, bytes, sizeof bytes, false), UV_EAGAIN);
  assert_int_equal(link_send(end.link, bytes, sizeof bytes, true), 0);
  assert_int_equal(link_send(end.link, bytes, (size_t)LINK_FRAME_MAX + 1, true),
                   UV_EMSGSIZE);
  link_close(end.link);
  channel_leave(channel, 0);
  channel_leave(channel, 1);
}

static void delivers_what_was_sent_before_anybody_listened(void **state) {
  (void)state;
  struct end one = {0}, other = {0};
  struct link_events events = events_of(&one);
  struct channel *channel;
  assert_int_equal(channel_new(&channel), 0);
  assert_int_equal(link_open_channel(&loop, channel, 0, &events, &one.link), 0);
  for (uint32_t number = 0; number < 3; number++) send_number(&one, number);
  link_close(one.link);
  turn();
  channel_leave(channel, 0);
  events = events_of(&other);
  assert_int_equal(link_open_channel(&loop, channel, 1, &events, &other.link), 0);
  while (!other.ended) uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(other.frames, 3);
  link_close(other.link);
  channel_leave(channel, 1);
}

/* ---- streams ---- */

static void open_pair(struct end *one, int *fd) {
  int fds[2];
  struct link_events events = events_of(one);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  assert_int_equal(link_open_stream(&loop, fds[0], fds[0], &events, &one->link), 0);
  *fd = fds[1];
}

static void puts_frames_together_again(void **state) {
  (void)state;
  struct end end = {0};
  int fd;
  open_pair(&end, &fd);
  static const char bytes[] = "\4\0\0\0\0\0\0\0\5\0\0\0\1\0\0\0x\4\0\0\0\2\0\0\0";
  for (size_t i = 0; i < sizeof bytes - 1; i++) { /* one byte at a time */
    assert_int_equal(write(fd, bytes + i, 1), 1);
    turn();
  }
  assert_int_equal(end.frames, 3);
  assert_int_equal(end.bytes, 13);
  close(fd);
  while (!end.ended) uv_run(&loop, UV_RUN_ONCE);
  link_close(end.link);
}

static size_t held(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static void keeps_no_room_for_large_frames(void **state) {
  (void)state;
  enum { CHUNK = 32 << 10, CHUNKS = 256 };
  static char bytes[CHUNK];
  struct end end = {0};
  int fd;
  open_pair(&end, &fd);
  size_t before = held();
  assert_int_equal(write(fd, "\0\0\x80\0", 4), 4);
  for (int i = 0; i < CHUNKS; i++) {
    assert_int_equal(end.frames, 0);
    assert_int_equal(write(fd, bytes, CHUNK), CHUNK);
    turn();
  }
  while (!end.frames) uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(end.bytes, CHUNK * CHUNKS);
  size_t after = held();
  link_close(end.link);
  close(fd);
  assert_true(after < before + CHUNK * CHUNKS / 8);
}

static void ends_at_what_is_no_frame(void **state) {
  (void)state;
  struct end end = {0};
  int fd;
  open_pair(&end, &fd);
  assert_int_equal(write(fd, "\xff\xff\xff\xff", 4), 4);
  while (!end.ended) uv_run(&loop, UV_RUN_ONCE);
  assert_int_equal(end.frames, 0);
  assert_int_equal(send_number(&end, 0), UV_EPIPE);
  link_close(end.link);
  close(fd);
}

static void streams_are_bounded(void **state) {
  (void)state;
  struct end end = {0};
  int fd, sent = 0;
  static char bytes[1 << 20];
  open_pair(&end, &fd);
  while (link_send(end.link, bytes, sizeof bytes, false) == 0) assert_true(++sent < 16);
  assert_true(link_pending(end.link) > 0);
  assert_int_equal(link_send(end.link, bytes, sizeof bytes, true), 0);
  link_close(end.link);
  close(fd);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(keeps_the_order_between_threads),
      TEST(keeps_the_order_without_a_loop),
      TEST(a_wait_has_an_end),
      TEST(is_closed_while_it_tells),
      TEST(says_why_there_is_none),
      TEST(is_bounded),
      TEST(delivers_what_was_sent_before_anybody_listened),
      TEST(puts_frames_together_again),
      TEST(keeps_no_room_for_large_frames),
      TEST(ends_at_what_is_no_frame),
      TEST(streams_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
