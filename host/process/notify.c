/* SPDX-License-Identifier: Apache-2.0 */
/* Notify: see notify.h. Thread: loop. */
#include "process/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGES_A_TURN = 64, FDS = 8 }; /* the kernel closes what there is no room for */

struct notify {
  uv_poll_t poll;
  int fd;
  notify_sink sink;
  void *data;
  char address[sizeof(struct sockaddr_un)];
};

union control {
  struct cmsghdr header;
  char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS * sizeof(int))];
};

static void close_fds(struct cmsghdr *header) {
  size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; i++) {
    int fd;
    memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
    close(fd);
  }
}

/* Takes the sender's pid from the control data, and closes all descriptors in it. */
static pid_t take_control(struct msghdr *message) {
  struct ucred sender = {0};
  for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one;
       one = CMSG_NXTHDR(message, one)) {
    if (one->cmsg_level != SOL_SOCKET) continue;
    if (one->cmsg_type == SCM_RIGHTS) close_fds(one);
    if (one->cmsg_type == SCM_CREDENTIALS) memcpy(&sender, CMSG_DATA(one), sizeof sender);
  }
  return sender.pid;
}

/* Receives one message; false when there is none. */
static bool receive(struct notify *notify) {
  char text[NOTIFY_MESSAGE];
  union control control;
  struct iovec part = {text, sizeof text};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t got = recvmsg(notify->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EINTR;
  struct notify_message said = {.pid = take_control(&message), .text = text};
  said.len = (size_t)got;
  if (message.msg_flags & MSG_TRUNC) said.text = NULL;
  if (said.pid > 0) said.session = getsid(said.pid);
  if (said.session < 0) said.session = 0;
  notify->sink(notify->data, &said);
  return true;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  struct notify *notify = poll->data;
  (void)events;
  if (status < 0) return;
  for (int i = 0; i < MESSAGES_A_TURN && receive(notify); i++) continue;
}

/* Binds to a name of the kernel's choice: "@" and five digits. */
static int bind_socket(struct notify *notify) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t len = sizeof address.sun_family;
  int on = 1;
  notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (notify->fd < 0) return -errno;
  if (setsockopt(notify->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) return -errno;
  if (bind(notify->fd, (struct sockaddr *)&address, len) < 0) return -errno;
  len = sizeof address;
  if (getsockname(notify->fd, (struct sockaddr *)&address, &len) < 0) return -errno;
  size_t name = len - offsetof(struct sockaddr_un, sun_path);
  memcpy(notify->address, address.sun_path, name);
  notify->address[0] = '@';
  return 0;
}

int notify_new(uv_loop_t *loop, notify_sink sink, void *data, struct notify **out) {
  struct notify *notify = calloc(1, sizeof *notify);
  if (!notify) return UV_ENOMEM;
  int error = bind_socket(notify);
  if (!error) error = uv_poll_init(loop, &notify->poll, notify->fd);
  if (error) goto fail;
  notify->sink = sink;
  notify->data = data;
  notify->poll.data = notify;
  uv_poll_start(&notify->poll, UV_READABLE, on_readable);
  uv_unref((uv_handle_t *)&notify->poll);
  *out = notify;
  return 0;
fail:
  if (notify->fd >= 0) close(notify->fd);
  free(notify);
  return error;
}

const char *notify_address(const struct notify *notify) {
  return notify->address;
}

int notify_send(const char *address, const char *text, size_t len) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t length = strlen(address);
  if (length == 0 || length >= sizeof to.sun_path) return UV_EINVAL;
  memcpy(to.sun_path, address, length);
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  ssize_t sent = sendto(fd, text, len, MSG_NOSIGNAL, (struct sockaddr *)&to, size);
  int error = sent < 0 ? -errno : 0;
  close(fd);
  return error;
}

static void on_closed(uv_handle_t *poll) {
  free(poll->data);
}

void notify_free(struct notify *notify) {
  if (!notify) return;
  uv_poll_stop(&notify->poll);
  close(notify->fd);
  uv_close((uv_handle_t *)&notify->poll, on_closed);
}
