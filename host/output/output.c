/* SPDX-License-Identifier: Apache-2.0 */
/* Output: see output.h. Thread: loop. */
#include "output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  READ_SIZE = 64 * 1024,
  CATCH_UP_READS = 32,
  PIPE_SIZE = 256 * 1024,
  MUCH = 32 * 1024,
  STREAK = 32, /* reads in a row that found much, or came at once after the one before */
};

struct output {
  uv_poll_t poll;
  uv_timer_t deadline;
  int open_handles;
  int fd;
  bool at_end;
  struct output_target target;
  struct lines *lines; /* NULL for bytes as they come */
  struct output *next, **link;
  struct spool_waiter waiter;
  struct spool_feed feed;
  uint64_t read_at; /* ms */
  unsigned streak;
};

/* ---- passing on ---- */

static void pass_on(struct output *output, struct chunk *chunk) {
  const struct output_target *target = &output->target;
  if (!chunk) return;
  if (target->spool) {
    spool_give(target->spool, chunk);
    return;
  }
  if (chunk->len > 0) target->sink(target->data, chunk->bytes, chunk->len);
  free(chunk);
}

static struct chunk *take_chunk(struct output *output) {
  return output->target.spool ? spool_chunk(output->target.spool) : NULL;
}

static ssize_t read_lines(struct output *output, struct chunk **chunk) {
  char bytes[READ_SIZE];
  ssize_t got = read(output->fd, bytes, sizeof bytes);
  if (got <= 0) return got;
  tail_add(output->target.tail, bytes, (size_t)got);
  lines_add(output->lines, bytes, (size_t)got, chunk);
  return got;
}

/* Without memory it is read all the same, and lost. */
static ssize_t read_bytes(struct output *output, struct chunk **chunk) {
  char spill[512];
  if (!*chunk) *chunk = chunk_new(CHUNK_SIZE);
  char *bytes = *chunk ? (*chunk)->bytes : spill;
  ssize_t got = read(output->fd, bytes, *chunk ? (*chunk)->room : sizeof spill);
  if (got <= 0) return got;
  if (*chunk) (*chunk)->len = (size_t)got;
  tail_add(output->target.tail, bytes, (size_t)got);
  return got;
}

/* Reads once into an empty chunk; returns how much, 0 for nothing now, -1 at the end. Thread:
 * loop, or the spool's while it feeds. */
static ssize_t read_once(void *data, struct chunk **chunk) {
  struct output *output = data;
  ssize_t got = output->lines ? read_lines(output, chunk) : read_bytes(output, chunk);
  if (got > 0) return got;
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Reads once; returns how much. */
static size_t read_some(struct output *output) {
  if (output->at_end) return 0;
  struct chunk *chunk = take_chunk(output);
  ssize_t got = read_once(output, &chunk);
  pass_on(output, chunk);
  if (got < 0) output->at_end = true;
  return got > 0 ? (size_t)got : 0;
}

/* ---- feeding ---- */

static void on_readable(uv_poll_t *poll, int status, int events);

static void go_on(void *data) {
  struct output *output = data;
  uv_poll_start(&output->poll, UV_READABLE, on_readable);
}

/* Is so much to be read, again and again, that the spool's thread had better do it by itself? */
static bool is_busy(struct output *output, size_t got) {
  uint64_t now = uv_now(output->poll.loop);
  bool goes_on = got >= MUCH || now <= output->read_at + 1;
  output->streak = goes_on ? output->streak + 1 : 0;
  output->read_at = now;
  return output->streak >= STREAK;
}

/* A pipe that holds more lets the program run while that is written. */
static void widen(int fd) {
  int size = fcntl(fd, F_GETPIPE_SZ);
  if (size > 0 && size < PIPE_SIZE) fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
}

static bool feed(struct output *output, size_t got) {
  if (!output->target.spool || output->target.tap || !is_busy(output, got)) return false;
  if (!spool_feed(output->target.spool, &output->feed)) return false;
  output->streak = 0;
  widen(output->fd);
  uv_poll_stop(&output->poll);
  return true;
}

static void take_back(struct output *output) {
  if (!output->feed.spool) return;
  spool_unfeed(&output->feed);
  go_on(output);
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle) {
  struct output *output = handle->data;
  if (--output->open_handles > 0) return;
  lines_free(output->lines);
  free(output);
}

static void pass_last(struct output *output) {
  struct chunk *chunk = NULL;
  if (output->lines) lines_end(output->lines, &chunk);
  pass_on(output, chunk);
}

void output_free(struct output *output) {
  if (!output || output->fd < 0) return;
  spool_unfeed(&output->feed);
  pass_last(output);
  spool_forget(&output->waiter);
  spool_release(output->target.spool);
  tail_release(output->target.tail);
  if (output->target.over) output->target.over(output->target.data);
  *output->link = output->next;
  if (output->next) output->next->link = output->link;
  uv_poll_stop(&output->poll);
  close(output->fd);
  output->fd = -1;
  uv_close((uv_handle_t *)&output->poll, on_closed);
  uv_close((uv_handle_t *)&output->deadline, on_closed);
}

static void pause_if_full(struct output *output) {
  struct spool *spool = output->target.spool;
  if (spool && spool_wait(spool, &output->waiter)) uv_poll_stop(&output->poll);
}

/* At the end the handle only rests: its owner has not let go of it yet. */
static void on_readable(uv_poll_t *poll, int status, int events) {
  struct output *output = poll->data;
  (void)events;
  if (status < 0) output->at_end = true;
  size_t got = read_some(output);
  if (!output->at_end) {
    if (!feed(output, got)) pause_if_full(output);
    return;
  }
  uv_poll_stop(&output->poll);
  if (uv_is_active((uv_handle_t *)&output->deadline)) output_free(output);
}

static void on_deadline(uv_timer_t *deadline) {
  struct output *output = deadline->data;
  output_catch_up(output);
  output_free(output);
}

void output_catch_up(struct output *output) {
  take_back(output);
  for (int i = 0; i < CATCH_UP_READS && read_some(output) > 0; i++) continue;
}

void output_drain(struct output *output, unsigned ms) {
  output_catch_up(output);
  if (output->lines) lines_tap(output->lines, NULL, NULL); /* it goes with the program */
  if (output->at_end || ms == 0)
    output_free(output);
  else
    uv_timer_start(&output->deadline, on_deadline, ms, 0);
}

static int start(struct output *output, uv_loop_t *loop, int fd) {
  int error = uv_poll_init(loop, &output->poll, fd); /* makes the fd non-blocking */
  if (error) return error;
  uv_timer_init(loop, &output->deadline);
  output->open_handles = 2;
  output->fd = fd;
  output->poll.data = output->deadline.data = output;
  return uv_poll_start(&output->poll, UV_READABLE, on_readable);
}

static void enlist(struct output *output) {
  output->next = *output->target.all;
  output->link = output->target.all;
  if (output->next) output->next->link = &output->next;
  *output->link = output;
}

struct output *output_new(uv_loop_t *loop, const struct output_target *target,
                          int *write_end, int *error) {
  int ends[2] = {-1, -1};
  struct output *output = calloc(1, sizeof *output);
  *error = UV_ENOMEM;
  if (!output) goto fail;
  output->target = *target;
  output->waiter.call = go_on;
  output->waiter.data = output;
  output->feed = (struct spool_feed){.fetch = read_once, .over = go_on, .data = output};
  if (target->style && !(output->lines = lines_new(target->style))) goto fail;
  if (output->lines) lines_tap(output->lines, target->tap, target->tap_data);
  *error = pipe2(ends, O_CLOEXEC) < 0 ? -errno : start(output, loop, ends[0]);
  if (*error) goto fail;
  tail_share(target->tail);
  enlist(output);
  *write_end = ends[1];
  return output;
fail:
  if (ends[0] >= 0) close(ends[0]);
  if (ends[1] >= 0) close(ends[1]);
  if (output) lines_free(output->lines);
  free(output);
  return NULL;
}
