/* SPDX-License-Identifier: Apache-2.0 */
/* Output: see output.h. Thread: loop. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, CATCH_UP_READS = 32 };

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

static void pass_lines(struct output *output, const char *bytes, size_t len) {
  struct chunk *chunk = take_chunk(output);
  lines_add(output->lines, bytes, len, &chunk);
  pass_on(output, chunk);
}

static ssize_t read_lines(struct output *output) {
  char bytes[READ_SIZE];
  ssize_t got = read(output->fd, bytes, sizeof bytes);
  if (got <= 0) return got;
  tail_add(output->target.tail, bytes, (size_t)got);
  pass_lines(output, bytes, (size_t)got);
  return got;
}

/* Without memory it is read all the same, and lost. */
static ssize_t read_bytes(struct output *output) {
  struct chunk *chunk = take_chunk(output);
  if (!chunk) chunk = chunk_new(CHUNK_SIZE);
  char spill[512];
  ssize_t got =
      read(output->fd, chunk ? chunk->bytes : spill, chunk ? chunk->room : sizeof spill);
  int error = errno;
  if (got > 0 && chunk) {
    chunk->len = (size_t)got;
    tail_add(output->target.tail, chunk->bytes, chunk->len);
  }
  pass_on(output, chunk);
  errno = error;
  return got;
}

/* Reads once; returns whether there may be more. */
static bool read_some(struct output *output) {
  if (output->at_end) return false;
  ssize_t got = output->lines ? read_lines(output) : read_bytes(output);
  if (got > 0) return true;
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) output->at_end = true;
  return false;
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

static void on_readable(uv_poll_t *poll, int status, int events);

static void go_on(void *data) {
  struct output *output = data;
  uv_poll_start(&output->poll, UV_READABLE, on_readable);
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
  read_some(output);
  if (!output->at_end) {
    pause_if_full(output);
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
  for (int i = 0; i < CATCH_UP_READS && read_some(output); i++) continue;
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
