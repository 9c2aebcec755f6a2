/* SPDX-License-Identifier: Apache-2.0 */
/* Output: see output.h. Thread: loop. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 32 * 1024, CATCH_UP_READS = 32 };

static const char split_mark[] = " [continued]";

struct buffer {
  char *bytes;
  size_t len, room;
};

struct output {
  uv_poll_t poll;
  uv_timer_t deadline;
  int open_handles;
  int fd;
  bool at_end;
  struct output_target target;
  char *prefix;
  size_t prefix_len;
  struct output *next, **link;
  struct buffer line;  /* a line without its end yet */
  struct buffer lines; /* whole lines for the sink */
};

static bool buffer_add(struct buffer *buffer, const char *bytes, size_t len) {
  if (buffer->room - buffer->len < len) {
    size_t room = (buffer->len + len) * 2;
    char *grown = realloc(buffer->bytes, room);
    if (!grown) return false;
    buffer->bytes = grown;
    buffer->room = room;
  }
  if (len) memcpy(buffer->bytes + buffer->len, bytes, len);
  buffer->len += len;
  return true;
}

static void buffer_free(struct buffer *buffer) {
  free(buffer->bytes);
  *buffer = (struct buffer){0};
}

static void pass_on(struct output *output) {
  if (output->lines.len > 0)
    output->target.sink(output->target.data, output->lines.bytes, output->lines.len);
  output->lines.len = 0;
}

/* The line at [start] of what is to be passed on, less its prefix and [tail]. */
static void tap_line(struct output *output, size_t start, size_t tail) {
  const struct buffer *lines = &output->lines;
  start += output->prefix_len;
  output->target.tap(output->target.tap_data, lines->bytes + start,
                     lines->len - start - tail);
}

/* Adds the started line and [bytes] as one line; without memory it is lost. */
static void add_line(struct output *output, const char *bytes, size_t len,
                     const char *mark) {
  struct buffer *lines = &output->lines;
  size_t start = lines->len;
  bool whole = buffer_add(lines, output->prefix, output->prefix_len) &&
               buffer_add(lines, output->line.bytes, output->line.len) &&
               buffer_add(lines, bytes, len) && buffer_add(lines, mark, strlen(mark)) &&
               buffer_add(lines, "\n", 1);
  if (!whole) lines->len = start;
  if (whole && output->target.tap) tap_line(output, start, strlen(mark) + 1);
  output->line.len = 0;
  if (lines->len >= OUTPUT_LINE) pass_on(output);
}

static void add_partial(struct output *output, const char *bytes, size_t len) {
  while (output->line.len + len > OUTPUT_LINE) {
    size_t part = OUTPUT_LINE - output->line.len;
    add_line(output, bytes, part, split_mark);
    bytes += part;
    len -= part;
  }
  buffer_add(&output->line, bytes, len);
}

static void add_bytes(struct output *output, const char *bytes, size_t len) {
  const char *end;
  while ((end = memchr(bytes, '\n', len)) != NULL) {
    size_t line = (size_t)(end - bytes), part = 0;
    if (output->line.len + line > OUTPUT_LINE) {
      add_partial(output, bytes, line);
      part = line;
    }
    add_line(output, bytes + part, line - part, "");
    len -= line + 1;
    bytes = end + 1;
  }
  add_partial(output, bytes, len);
  pass_on(output);
}

/* Reads once; returns whether there may be more. */
static bool read_some(struct output *output) {
  char bytes[READ_SIZE];
  ssize_t got = output->at_end ? 0 : read(output->fd, bytes, sizeof bytes);
  if (got > 0) {
    add_bytes(output, bytes, (size_t)got);
    return true;
  }
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) output->at_end = true;
  return false;
}

static void on_closed(uv_handle_t *handle) {
  struct output *output = handle->data;
  if (--output->open_handles > 0) return;
  buffer_free(&output->line);
  buffer_free(&output->lines);
  free(output->prefix);
  free(output);
}

void output_free(struct output *output) {
  if (!output || output->fd < 0) return;
  if (output->line.len > 0) add_line(output, "", 0, "");
  pass_on(output);
  *output->link = output->next;
  if (output->next) output->next->link = output->link;
  uv_poll_stop(&output->poll);
  close(output->fd);
  output->fd = -1;
  uv_close((uv_handle_t *)&output->poll, on_closed);
  uv_close((uv_handle_t *)&output->deadline, on_closed);
}

/* At the end the handle only rests: its owner has not let go of it yet. */
static void on_readable(uv_poll_t *poll, int status, int events) {
  struct output *output = poll->data;
  (void)events;
  if (status < 0) output->at_end = true;
  read_some(output);
  if (!output->at_end) return;
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
  output->target.tap = NULL; /* it goes with the program */
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
  if (!output || !(output->prefix = strdup(target->prefix))) goto fail;
  output->prefix_len = strlen(output->prefix);
  output->target = *target;
  *error = pipe2(ends, O_CLOEXEC) < 0 ? -errno : start(output, loop, ends[0]);
  if (*error) goto fail;
  enlist(output);
  *write_end = ends[1];
  return output;
fail:
  if (ends[0] >= 0) close(ends[0]);
  if (ends[1] >= 0) close(ends[1]);
  if (output) free(output->prefix);
  free(output);
  return NULL;
}

static int check_kind(int fd) {
  struct stat stat;
  if (fstat(fd, &stat) < 0) return -errno;
  return S_ISREG(stat.st_mode) || S_ISCHR(stat.st_mode) ? 0 : UV_EINVAL;
}

/* O_NONBLOCK only so that opening a FIFO does not wait for its reader. */
int output_open_file(const char *path) {
  int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
  int fd = open(path, flags | O_NONBLOCK, 0644);
  if (fd < 0) return errno == ENXIO ? UV_EINVAL : -errno;
  int error = check_kind(fd);
  if (!error && fcntl(fd, F_SETFL, O_APPEND) < 0) error = -errno;
  if (!error) return fd;
  close(fd);
  return error;
}
