/* SPDX-License-Identifier: Apache-2.0 */
/* Socket: see socket.h. Thread: any. */
#include "base/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

union address {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  struct sockaddr_un local;
};

static int make(int family, const struct socket_place *place) {
  int type = place->backlog ? SOCK_STREAM : SOCK_DGRAM;
  int fd = socket(family, type | SOCK_CLOEXEC, 0);
  return fd < 0 ? -errno : fd;
}

static int bind_and_listen(int fd, const union address *address, socklen_t len,
                           const struct socket_place *place) {
  if (bind(fd, &address->any, len) < 0) return -errno;
  if (place->path && place->path[0] == '/' && place->mode >= 0 &&
      chmod(place->path, (mode_t)place->mode) < 0)
    return -errno;
  return place->backlog && listen(fd, place->backlog) < 0 ? -errno : 0;
}

static int finish(int fd, int error) {
  if (!error) return fd;
  close(fd);
  return error;
}

/* A server that is started again must not wait for its old connections to be forgotten. */
static int open_at(const union address *address, socklen_t len, bool six_only,
                   const struct socket_place *place) {
  int on = 1, off = 0;
  int fd = make(address->any.sa_family, place);
  if (fd < 0) return fd;
  if (place->backlog) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->any.sa_family == AF_INET6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, six_only ? &on : &off, sizeof on);
  return finish(fd, bind_and_listen(fd, address, len, place));
}

/* Both families by one socket, or the old one alone where there is no other. */
static int open_everywhere(const struct socket_place *place) {
  union address address = {.any.sa_family = AF_UNSPEC};
  uv_ip6_addr("::", place->port, &address.six);
  int fd = open_at(&address, sizeof address.six, false, place);
  if (fd != UV_EAFNOSUPPORT && fd != UV_EADDRNOTAVAIL) return fd;
  uv_ip4_addr("0.0.0.0", place->port, &address.four);
  return open_at(&address, sizeof address.four, false, place);
}

static int open_internet(const struct socket_place *place) {
  union address address;
  if (strcmp(place->host, "*") == 0) return open_everywhere(place);
  if (uv_ip4_addr(place->host, place->port, &address.four) == 0)
    return open_at(&address, sizeof address.four, false, place);
  int error = uv_ip6_addr(place->host, place->port, &address.six);
  return error ? error : open_at(&address, sizeof address.six, true, place);
}

/* Is there a socket at the path that nobody answers at? */
static bool is_left_over(const union address *address, socklen_t len, const char *path) {
  struct stat stat;
  if (path[0] != '/' || lstat(path, &stat) < 0 || !S_ISSOCK(stat.st_mode)) return false;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  bool refused = connect(fd, &address->any, len) < 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

static int open_local(const struct socket_place *place) {
  union address address = {.local.sun_family = AF_UNIX};
  size_t length = strlen(place->path);
  if (length >= sizeof address.local.sun_path) return UV_ENAMETOOLONG;
  memcpy(address.local.sun_path, place->path, length);
  if (place->path[0] == '@') address.local.sun_path[0] = '\0';
  socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
                              (place->path[0] == '@' ? 0 : 1));
  if (is_left_over(&address, len, place->path)) unlink(place->path);
  int fd = make(AF_UNIX, place);
  return fd < 0 ? fd : finish(fd, bind_and_listen(fd, &address, len, place));
}

int socket_open(const struct socket_place *place) {
  return place->host ? open_internet(place) : open_local(place);
}
