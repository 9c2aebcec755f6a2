/* SPDX-License-Identifier: Apache-2.0 */
/* Notify: receives what programs say of themselves by sd_notify(3).
 *
 * One abstract datagram socket serves all programs of the host. The kernel says who has
 * sent a message; whoever is told of it has to see whether that session may speak for a
 * unit. Descriptors that come with a message are closed at once, which is also what
 * answers a BARRIER=1. A turn of the loop reads a limited number of messages. The socket
 * keeps no loop alive.
 * Owns the socket. Thread: loop. */
#pragma once
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

enum { NOTIFY_MESSAGE = 4096 }; /* bytes; a longer one comes without its text */

struct notify;

/* One message. [session] is that of the sender, 0 when the sender is gone already; [text]
 * is NULL when it was too long. */
struct notify_message {
  pid_t pid, session;
  const char *text;
  size_t len;
};

/* Is told of each message, borrowed for the call; may not free the receiver. */
typedef void (*notify_sink)(void *data, const struct notify_message *message);

/* Opens a receiver and returns it owned in [out], or a negative libuv code.
 * Thread: loop. */
int notify_new(uv_loop_t *loop, notify_sink sink, void *data, struct notify **out);

/* What goes into NOTIFY_SOCKET, borrowed. Thread: loop. */
const char *notify_address(const struct notify *notify);

/* Sends [text] to a service manager at [address], "@..." for an abstract one; never waits.
 * 0 or a negative libuv code. Thread: any. */
int notify_send(const char *address, const char *text, size_t len);

/* Closes it; it is freed by the loop's next turn. NULL is fine. Thread: loop. */
void notify_free(struct notify *notify);
