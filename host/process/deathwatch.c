/* SPDX-License-Identifier: Apache-2.0 */
/* Deathwatch: see deathwatch.h. Thread: loop. */
#include "process/deathwatch.h"

#include <stdlib.h>
#include <unistd.h>

struct deathwatch {
  uv_poll_t poll;
  int pidfd;
  void (*dead)(void *data);
  void *data;
};

static void on_readable(uv_poll_t *poll, int status, int events) {
  struct deathwatch *watch = poll->data;
  (void)status;
  (void)events;
  watch->dead(watch->data);
}

struct deathwatch *deathwatch_new(uv_loop_t *loop, int pidfd, void (*dead)(void *data),
                                  void *data, int *error) {
  struct deathwatch *watch = malloc(sizeof *watch);
  *error = watch ? uv_poll_init(loop, &watch->poll, pidfd) : UV_ENOMEM;
  if (*error) {
    free(watch);
    close(pidfd);
    return NULL;
  }
  watch->pidfd = pidfd;
  watch->dead = dead;
  watch->data = data;
  watch->poll.data = watch;
  uv_poll_start(&watch->poll, UV_READABLE, on_readable);
  return watch;
}

int deathwatch_pidfd(const struct deathwatch *watch) {
  return watch->pidfd;
}

static void on_closed(uv_handle_t *poll) {
  free(poll->data);
}

/* Closing the poll takes the fd out of epoll, so that it may be closed at once. */
void deathwatch_free(struct deathwatch *watch) {
  if (!watch) return;
  uv_close((uv_handle_t *)&watch->poll, on_closed);
  close(watch->pidfd);
}
