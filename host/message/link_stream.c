/* SPDX-License-Identifier: Apache-2.0 */
/* Link over file descriptors: each frame is its length in four bytes, the lowest first,
 * and its bytes. What breaks that ends the link. See link.h. Thread: loop. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message/link_ops.h"

enum { PREFIX = 4, LEAST_ROOM = 64 << 10 };

struct stream_link {
  struct link link;
  uv_pipe_t reader, writer;
  uv_stream_t *to; /* the writer, or the reader where both are one fd */
  int open_handles;
  char *buffer;
  size_t length, room;
};

/* A write under way, its bytes behind it. */
struct outgoing {
  uv_write_t request;
  char bytes[];
};

static void on_closed(uv_handle_t *handle) {
  struct stream_link *link = handle->data;
  if (--link->open_handles > 0) return;
  free(link->buffer);
  free(link);
}

static void stream_close(struct link *base) {
  struct stream_link *link = (struct stream_link *)base;
  uv_close((uv_handle_t *)&link->reader, on_closed);
  uv_close((uv_handle_t *)&link->writer, on_closed);
}

static void break_off(struct stream_link *link) {
  if (!link->link.closed) uv_read_stop((uv_stream_t *)&link->reader);
  link_end(&link->link);
}

static size_t length_at(const char *bytes) {
  const unsigned char *b = (const unsigned char *)bytes;
  return (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
}

/* What a large frame took is not kept for the next, which are seldom so. */
static void trim(struct stream_link *link) {
  if (link->length > 0 || link->room <= (size_t)2 * LEAST_ROOM) return;
  free(link->buffer);
  link->buffer = NULL;
  link->room = 0;
}

/* Delivers all whole frames; returns false when one is too long. */
static bool deliver_all(struct stream_link *link) {
  size_t at = 0;
  while (link->length - at >= PREFIX && !link->link.closed) {
    size_t length = length_at(link->buffer + at);
    if (length > LINK_FRAME_MAX) return false;
    if (link->length - at - PREFIX < length) break;
    link_deliver(&link->link, link->buffer + at + PREFIX, length);
    at += PREFIX + length;
  }
  memmove(link->buffer, link->buffer + at, link->length - at);
  link->length -= at;
  trim(link);
  return true;
}

/* Room for the rest of the frame that has begun, and for a good read in any case. */
static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct stream_link *link = handle->data;
  size_t wanted = link->length + LEAST_ROOM;
  (void)suggested;
  if (link->length >= PREFIX) {
    size_t whole = PREFIX + length_at(link->buffer);
    if (whole > wanted && whole <= PREFIX + (size_t)LINK_FRAME_MAX) wanted = whole;
  }
  if (wanted > link->room) {
    char *grown = realloc(link->buffer, wanted);
    *buf = uv_buf_init(NULL, 0);
    if (!grown) return;
    link->buffer = grown;
    link->room = wanted;
  }
  *buf = uv_buf_init(link->buffer + link->length, (unsigned)(link->room - link->length));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
  struct stream_link *link = stream->data;
  (void)buf;
  if (got == 0) return;
  if (got < 0) {
    break_off(link);
    return;
  }
  link->length += (size_t)got;
  if (!deliver_all(link)) break_off(link);
}

/* A write that failed is noticed by the reader, which finds the end. */
static void on_written(uv_write_t *request, int status) {
  (void)status;
  free(request->data);
}

/* At once where there is room: uv_write would have the loop look for room afterwards. */
static int write_out(struct stream_link *link, struct outgoing *out, size_t length) {
  uv_buf_t buf = uv_buf_init(out->bytes, (unsigned)length);
  int written = uv_try_write(link->to, &buf, 1);
  int error = 0;
  if (written > 0) buf.base += written, buf.len -= (size_t)written;
  if (buf.len > 0) error = uv_write(&out->request, link->to, &buf, 1, on_written);
  if (error || buf.len == 0) free(out);
  return error;
}

static int stream_send(struct link *base, const char *bytes, size_t length, bool urgent) {
  struct stream_link *link = (struct stream_link *)base;
  if (link->link.over) return UV_EPIPE;
  size_t waiting = uv_stream_get_write_queue_size(link->to);
  if (!urgent && waiting + length > LINK_ROOM) return UV_EAGAIN;
  struct outgoing *out = malloc(sizeof *out + PREFIX + length);
  if (!out) return UV_ENOMEM;
  for (int i = 0; i < PREFIX; i++) out->bytes[i] = (char)(length >> 8 * i & 0xff);
  memcpy(out->bytes + PREFIX, bytes, length);
  out->request.data = out;
  return write_out(link, out, PREFIX + length);
}

static size_t stream_pending(const struct link *base) {
  return uv_stream_get_write_queue_size(((const struct stream_link *)base)->to);
}

static const struct link_ops ops = {stream_send, stream_pending, stream_close};

static struct stream_link *stream_new(uv_loop_t *loop, const struct link_events *events) {
  struct stream_link *link = calloc(1, sizeof *link);
  if (!link) return NULL;
  link->link = (struct link){.ops = &ops, .events = *events};
  uv_pipe_init(loop, &link->reader, 0);
  uv_pipe_init(loop, &link->writer, 0);
  link->reader.data = link->writer.data = link;
  link->open_handles = 2;
  return link;
}

int link_open_stream(uv_loop_t *loop, int in, int out_fd,
                     const struct link_events *events, struct link **out) {
  struct stream_link *link = stream_new(loop, events);
  int error = link ? uv_pipe_open(&link->reader, in) : UV_ENOMEM;
  if (error) close(in);
  if (out_fd != in && !error) error = uv_pipe_open(&link->writer, out_fd);
  if (out_fd != in && error) close(out_fd);
  if (!error) error = uv_read_start((uv_stream_t *)&link->reader, give_room, on_read);
  if (error) {
    if (link) link_close(&link->link);
    return error;
  }
  link->to = (uv_stream_t *)(out_fd != in ? &link->writer : &link->reader);
  *out = &link->link;
  return 0;
}
