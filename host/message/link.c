/* SPDX-License-Identifier: Apache-2.0 */
/* Link: what the kinds of links share. See link.h. */
#include "message/link.h"

#include "message/link_ops.h"

int link_send(struct link *link, const char *bytes, size_t length, bool urgent) {
  if (length > LINK_FRAME_MAX) return UV_EMSGSIZE;
  return link->ops->send(link, bytes, length, urgent);
}

size_t link_pending(const struct link *link) {
  return link->ops->pending(link);
}

void link_close(struct link *link) {
  link->closed = true;
  link->ops->close(link);
}

void link_deliver(struct link *link, const char *bytes, size_t length) {
  if (!link->closed) link->events.frame(link->events.data, bytes, length);
}

void link_end(struct link *link) {
  if (link->closed || link->over) return;
  link->over = true;
  link->events.ended(link->events.data);
}
