/* SPDX-License-Identifier: Apache-2.0 */
/* Link: ordered frames between two runtimes, over a queue between two threads or over a
 * pair of file descriptors between two processes.
 *
 * Bounded: a frame that finds the queue full is refused (UV_EAGAIN), unless it is urgent;
 * what is urgent is for the few frames of the executors themselves. When the other side is
 * gone, what it sent before is still delivered, and then `ended` is called, once.
 * One end owns its handles and the frames that wait for it. Thread: that of its loop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

enum {
  LINK_ROOM = 4 << 20,      /* bytes that may wait on one side */
  LINK_FRAME_MAX = 16 << 20 /* bytes of one frame */
};

struct link;
struct channel;

/* Whom to tell, from the loop; either may close the link. */
struct link_events {
  void (*frame)(void *data, const char *bytes, size_t length); /* borrowed for the call */
  void (*ended)(void *data);
  void *data;
};

/* Makes the queues between two threads. Each of the two sides, 0 and 1, must be left with
 * channel_leave(); the last to do so frees it. Returns 0 or a libuv code. Thread: any. */
int channel_new(struct channel **out);

/* The side is gone for good: the other one's link ends. Its own link must be closed, and
 * its loop have been run since. Thread: the side's. */
void channel_leave(struct channel *channel, int side);

/* Opens this side's link over a channel, which it borrows; without a loop its owner has to
 * wait for it himself. Returns owned in [out], or a negative libuv code. Thread: loop. */
int link_open_channel(uv_loop_t *loop, struct channel *channel, int side,
                      const struct link_events *events, struct link **out);

/* For a link over a channel that has no loop: waits until something has come, or until
 * [until] ns of the monotonic clock, and tells of it. Thread: the side's. */
void link_wait(struct link *link, uint64_t until);

/* Gives such a link a loop. Returns 0 or a libuv code. Thread: the side's. */
int link_attach(struct link *link, uv_loop_t *loop);

/* Opens a link that reads frames from [in] and writes them to [out_fd], which may be the
 * same; it takes both over, also on failure. As above. Thread: loop. */
int link_open_stream(uv_loop_t *loop, int in, int out_fd,
                     const struct link_events *events, struct link **out);

/* Sends a copy of the bytes; 0, UV_EAGAIN when there is no room, UV_EPIPE when nobody
 * listens, UV_EMSGSIZE, UV_ENOMEM. Thread: loop. */
int link_send(struct link *link, const char *bytes, size_t length, bool urgent);

/* How many bytes would be lost if the link were closed now. Thread: loop. */
size_t link_pending(const struct link *link);

/* Closes it: no more events. Thread: loop. */
void link_close(struct link *link);
