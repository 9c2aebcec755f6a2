/* SPDX-License-Identifier: Apache-2.0 */
/* Link over a channel: a queue in each direction, a mutex around it, and what wakes its
 * reader when it was empty: a condition as long as that has no loop, then an eventfd, as
 * uv_async_send would have the woken spin until its sender has returned. See link.h.
 * Thread: each function says. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "message/link_ops.h"

enum { FRAMES_IN_TURN = 256 }; /* then everybody else on the loop has a turn */

struct frame {
  struct frame *next;
  size_t length;
  char bytes[];
};

/* One direction. */
struct lane {
  pthread_mutex_t lock;
  struct frame *first, **last;
  size_t bytes;
  pthread_cond_t came; /* there was nothing, and now there is */
  int bell;            /* the same as an eventfd, -1 while the reader has no loop */
  bool deaf;           /* the reader's link was closed */
  bool over;           /* the writer has left */
};

struct channel {
  struct lane lanes[2]; /* [side] is what that side reads */
  atomic_int sides;
};

struct channel_link {
  struct link link;
  uv_poll_t wake;
  bool has_loop;
  bool waits; /* in link_wait */
  struct lane *in, *out;
  struct frame *taken; /* out of the lane, not delivered yet */
};

static void lane_init(struct lane *lane) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&lane->came, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_mutex_init(&lane->lock, NULL);
  lane->last = &lane->first;
  lane->bell = -1;
}

/* [bell]: as it was under the lock. Thread: any. */
static void ring(struct lane *lane, int bell) {
  static const uint64_t once = 1;
  if (bell < 0)
    pthread_cond_signal(&lane->came);
  else
    while (write(bell, &once, sizeof once) < 0 && errno == EINTR) continue;
}

static void free_frames(struct frame *frame) {
  while (frame) {
    struct frame *next = frame->next;
    free(frame);
    frame = next;
  }
}

static void lane_clear(struct lane *lane) {
  free_frames(lane->first);
  if (lane->bell >= 0) close(lane->bell);
  pthread_cond_destroy(&lane->came);
  pthread_mutex_destroy(&lane->lock);
}

static void channel_free(struct channel *channel) {
  lane_clear(&channel->lanes[0]);
  lane_clear(&channel->lanes[1]);
  free(channel);
}

int channel_new(struct channel **out) {
  struct channel *channel = calloc(1, sizeof *channel);
  if (!channel) return UV_ENOMEM;
  atomic_init(&channel->sides, 2);
  lane_init(&channel->lanes[0]);
  lane_init(&channel->lanes[1]);
  *out = channel;
  return 0;
}

/* Thread: the writer's. */
static void end_lane(struct lane *lane) {
  pthread_mutex_lock(&lane->lock);
  lane->over = true;
  ring(lane, lane->bell);
  pthread_mutex_unlock(&lane->lock);
}

void channel_leave(struct channel *channel, int side) {
  end_lane(&channel->lanes[!side]);
  if (atomic_fetch_sub(&channel->sides, 1) == 1) channel_free(channel);
}

static struct frame *frame_new(const char *bytes, size_t length) {
  struct frame *frame = malloc(sizeof *frame + length);
  if (!frame) return NULL;
  frame->next = NULL;
  frame->length = length;
  memcpy(frame->bytes, bytes, length);
  return frame;
}

/* Returns 1 where there was nothing before, else 0 or an error. */
static int put(struct lane *lane, struct frame *frame, bool urgent) {
  if (lane->deaf) return UV_EPIPE;
  if (!urgent && lane->bytes + frame->length > LINK_ROOM) return UV_EAGAIN;
  bool was_empty = !lane->first;
  *lane->last = frame;
  lane->last = &frame->next;
  lane->bytes += frame->length;
  return was_empty;
}

static int channel_send(struct link *base, const char *bytes, size_t length,
                        bool urgent) {
  struct channel_link *link = (struct channel_link *)base;
  struct frame *frame = frame_new(bytes, length);
  if (!frame) return UV_ENOMEM;
  pthread_mutex_lock(&link->out->lock);
  int result = put(link->out, frame, urgent), bell = link->out->bell;
  pthread_mutex_unlock(&link->out->lock);
  if (result > 0) ring(link->out, bell);
  if (result < 0) free(frame);
  return result < 0 ? result : 0;
}

/* Moves what waits to the link; returns whether the writer has left. */
static bool take(struct channel_link *link) {
  struct lane *lane = link->in;
  pthread_mutex_lock(&lane->lock);
  link->taken = lane->first;
  lane->first = NULL;
  lane->last = &lane->first;
  lane->bytes = 0;
  bool over = lane->over;
  pthread_mutex_unlock(&lane->lock);
  return over;
}

static void deliver_first(struct channel_link *link) {
  struct frame *frame = link->taken;
  link->taken = frame->next;
  link_deliver(&link->link, frame->bytes, frame->length);
  free(frame);
}

/* Delivers what one turn may; whether there is more. */
static bool deliver(struct channel_link *link) {
  bool over = false;
  for (int count = 0; count < FRAMES_IN_TURN; count++) {
    if (!link->taken) over = take(link);
    if (!link->taken) {
      if (over) link_end(&link->link);
      return false;
    }
    deliver_first(link);
    if (link->link.closed) return false;
  }
  return true;
}

static void on_wake(uv_poll_t *handle, int status, int events) {
  struct channel_link *link = handle->data;
  uint64_t rings;
  (void)status;
  (void)events;
  if (read(link->in->bell, &rings, sizeof rings) < 0) return;
  if (!link->link.closed && deliver(link)) ring(link->in, link->in->bell);
}

/* ---- without a loop ---- */

static void lane_wait(struct lane *lane, uint64_t until) {
  const uint64_t second = 1000000000;
  struct timespec at = {(time_t)(until / second), (long)(until % second)};
  int r = 0;
  pthread_mutex_lock(&lane->lock);
  while (!lane->first && !lane->over && r == 0)
    if (until == UINT64_MAX)
      r = pthread_cond_wait(&lane->came, &lane->lock);
    else
      r = pthread_cond_timedwait(&lane->came, &lane->lock, &at);
  pthread_mutex_unlock(&lane->lock);
}

/* A link that is closed meanwhile is freed here. */
void link_wait(struct link *base, uint64_t until) {
  struct channel_link *link = (struct channel_link *)base;
  if (!link->taken && until) lane_wait(link->in, until);
  link->waits = true;
  deliver(link);
  link->waits = false;
  if (link->link.closed && !link->has_loop) free(link);
}

int link_attach(struct link *base, uv_loop_t *loop) {
  struct channel_link *link = (struct channel_link *)base;
  int bell = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC); /* what has come is looked for */
  if (bell < 0) return -errno;
  int error = uv_poll_init(loop, &link->wake, bell);
  if (error) {
    close(bell);
    return error;
  }
  link->has_loop = true;
  link->wake.data = link;
  pthread_mutex_lock(&link->in->lock);
  link->in->bell = bell;
  pthread_mutex_unlock(&link->in->lock);
  return uv_poll_start(&link->wake, UV_READABLE, on_wake);
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void channel_close(struct link *base) {
  struct channel_link *link = (struct channel_link *)base;
  struct lane *lane = link->in;
  pthread_mutex_lock(&lane->lock);
  lane->deaf = true;
  struct frame *rest = lane->first;
  lane->first = NULL;
  lane->last = &lane->first;
  lane->bytes = 0;
  pthread_mutex_unlock(&lane->lock);
  free_frames(rest);
  free_frames(link->taken);
  link->taken = NULL;
  if (link->has_loop)
    uv_close((uv_handle_t *)&link->wake, on_closed);
  else if (!link->waits)
    free(link);
}

static size_t channel_pending(const struct link *base) {
  (void)base;
  return 0; /* the queue stays when this side goes */
}

static const struct link_ops ops = {channel_send, channel_pending, channel_close};

int link_open_channel(uv_loop_t *loop, struct channel *channel, int side,
                      const struct link_events *events, struct link **out) {
  struct channel_link *link = calloc(1, sizeof *link);
  if (!link) return UV_ENOMEM;
  link->in = &channel->lanes[side];
  link->out = &channel->lanes[!side];
  link->link = (struct link){.ops = &ops, .events = *events};
  int error = loop ? link_attach(&link->link, loop) : 0;
  if (error) {
    free(link);
    return error;
  }
  *out = &link->link;
  return 0;
}
