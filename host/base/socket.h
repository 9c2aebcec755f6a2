/* SPDX-License-Identifier: Apache-2.0 */
/* Socket: opens a socket that somebody else is to serve, without reading from it.
 * Thread: any. */
#pragma once
#include <sys/types.h>

/* Where: an address in numbers, "*" for all of them, and a port; or a path, "@..." in the
 * abstract namespace. A path is given [mode], unless that is -1; what a dead process has
 * left there is removed. */
struct socket_place {
  const char *host; /* NULL: a path */
  const char *path;
  int port;
  int mode;
  int backlog; /* 0: datagrams, nothing to listen for */
};

/* Returns an owned fd, close-on-exec, or a negative libuv code. */
int socket_open(const struct socket_place *place);
