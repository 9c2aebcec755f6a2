/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a link, shared by link.c and the kinds of links; nobody else includes it.
 * Thread: that of the link's loop. */
#pragma once
#include "message/link.h"

struct link_ops {
  int (*send)(struct link *link, const char *bytes, size_t length, bool urgent);
  size_t (*pending)(const struct link *link);
  void (*close)(struct link *link);
};

/* The first member of each kind. */
struct link {
  const struct link_ops *ops;
  struct link_events events;
  bool closed; /* by this side */
  bool over;   /* `ended` was called */
};

/* Passes a frame on, unless the link was closed meanwhile. */
void link_deliver(struct link *link, const char *bytes, size_t length);

/* Says once that the other side is gone. */
void link_end(struct link *link);
