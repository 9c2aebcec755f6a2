/* SPDX-License-Identifier: Apache-2.0 */
/* Syslogger: see syslogger.h. */
#include "output/syslogger.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/stamp.h"
#include "output/chunk.h"

enum { PATIENCE_MS = 250, HEAD = 256, BODY = 8 * 1024 }; /* rsyslog takes 8 KiB */

struct syslogger {
  int fd;
  bool is_stream;
  int priority;
  char *path, *ident;
};

struct syslogger *syslogger_new(const struct syslogger_options *options) {
  struct syslogger *logger = calloc(1, sizeof *logger);
  if (!logger) return NULL;
  logger->fd = -1;
  logger->priority = options->priority;
  logger->path = strdup(options->path);
  logger->ident = strdup(options->ident);
  if (logger->path && logger->ident) return logger;
  syslogger_free(logger);
  return NULL;
}

static void disconnect(struct syslogger *logger) {
  if (logger->fd >= 0) close(logger->fd);
  logger->fd = -1;
}

void syslogger_free(struct syslogger *logger) {
  if (!logger) return;
  disconnect(logger);
  free(logger->path);
  free(logger->ident);
  free(logger);
}

/* ---- the socket ---- */

static int connect_as(struct syslogger *logger, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t len = strlen(logger->path);
  if (len >= sizeof address.sun_path) return UV_ENAMETOOLONG;
  memcpy(address.sun_path, logger->path, len);
  logger->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (logger->fd < 0) return -errno;
  logger->is_stream = type == SOCK_STREAM;
  if (connect(logger->fd, (struct sockaddr *)&address, sizeof address) == 0) return 0;
  int error = -errno;
  disconnect(logger);
  return error;
}

static int connect_again(struct syslogger *logger) {
  if (logger->fd >= 0) return 0;
  int error = connect_as(logger, SOCK_DGRAM);
  return error == -EPROTOTYPE ? connect_as(logger, SOCK_STREAM) : error;
}

static int wait_for_room(int fd) {
  struct pollfd room = {.fd = fd, .events = POLLOUT};
  int ready = poll(&room, 1, PATIENCE_MS);
  if (ready == 0) return UV_ETIMEDOUT;
  return ready < 0 && errno != EINTR ? -errno : 0;
}

/* A stream's messages end with a NUL, and may go out in pieces. */
static int send_all(struct syslogger *logger, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t sent = send(logger->fd, bytes, len, MSG_NOSIGNAL);
    int error = sent < 0 ? errno : 0;
    if (error == EAGAIN || error == ENOBUFS) error = -wait_for_room(logger->fd);
    if (error && error != EINTR) return -error;
    if (sent < 0) continue;
    bytes += sent;
    len -= (size_t)sent;
  }
  return 0;
}

/* One more attempt with a new socket: the log may have been started again. */
static int send_message(struct syslogger *logger, const char *bytes, size_t len) {
  bool was_open = logger->fd >= 0;
  int error = connect_again(logger);
  if (!error) error = send_all(logger, bytes, len);
  if (!error || error == UV_ETIMEDOUT) return error;
  disconnect(logger);
  if (!was_open) return error;
  error = connect_again(logger);
  return error ? error : send_all(logger, bytes, len);
}

/* ---- messages ---- */

static size_t put_head(const struct syslogger *logger, char *out) {
  char stamp[32];
  stamp_syslog(stamp, sizeof stamp);
  return (size_t)snprintf(out, HEAD, "<%d>%s %.128s: ", logger->priority, stamp,
                          logger->ident);
}

/* A line, or as much of it as goes into one message. */
static int send_line(struct syslogger *logger, const char *line, size_t len) {
  char message[HEAD + BODY + 1];
  size_t size = put_head(logger, message);
  memcpy(message + size, line, len);
  size += len;
  if (connect_again(logger) == 0 && logger->is_stream) message[size++] = '\0';
  return send_message(logger, message, size);
}

int syslogger_write(struct syslogger *logger, const char *bytes, size_t len,
                    unsigned long *lost) {
  const char *end = bytes + len;
  *lost = 0;
  while (bytes < end) {
    const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
    size_t size = (size_t)((stop ? stop : end) - bytes);
    size_t part = size < BODY ? size : BODY;
    int error = part > 0 ? send_line(logger, bytes, part) : 0;
    if (error) {
      *lost = chunk_lines(bytes, (size_t)(end - bytes));
      return error;
    }
    bytes += part == size && stop ? part + 1 : part;
  }
  return 0;
}
