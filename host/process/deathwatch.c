/* SPDX-License-Identifier: Apache-2.0 */
/* Deathwatch: see deathwatch.h. Thread: loop. */
#include "process/deathwatch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BATCH = 256 }; /* deaths told in a turn of the loop */
enum { MANY = 64, WHILE_MS = 100, PER_MS = 50, LONGEST_REST_MS = 10 };

struct deathwatch {
  struct deathwatches *watches;
  int pidfd;
  bool over;
  void (*dead)(void *data);
  void *data;
  struct deathwatch *next; /* among those that are over */
};

struct deathwatches {
  uv_poll_t poll; /* active but for a rest; keeps the loop alive while there is a watch */
  uv_timer_t rest;
  int open_handles;
  int set;
  unsigned long count;
  unsigned long expected; /* deaths, since then */
  uint64_t since;
  bool rested; /* and nothing was told since */
  bool telling;
  struct deathwatch *over; /* while events are told, which may name them */
};

static void on_readable(uv_poll_t *poll, int status, int unused);

/* ---- the rest */

void deathwatches_expect(struct deathwatches *watches) {
  uint64_t now = uv_now(watches->rest.loop);
  if (now - watches->since > WHILE_MS) watches->expected = 0;
  if (watches->expected++ == 0) watches->since = now;
}

bool deathwatches_rest(const struct deathwatches *watches) {
  return uv_is_active((const uv_handle_t *)&watches->rest);
}

static void on_rested(uv_timer_t *rest) {
  struct deathwatches *watches = rest->data;
  uv_poll_start(&watches->poll, UV_READABLE, on_readable);
}

/* Should those who were told to end have the machine to themselves for now? Never twice in a
 * row: or as long as somebody sends signals no death would be told. */
static bool begin_rest(struct deathwatches *watches) {
  bool rested = watches->rested;
  watches->rested = false;
  if (rested) return false;
  uv_loop_t *loop = watches->rest.loop;
  uint64_t ms = watches->expected / PER_MS;
  bool wanted = watches->expected >= MANY && uv_now(loop) - watches->since <= WHILE_MS;
  watches->expected = 0;
  if (!wanted) return false;
  watches->rested = true;
  uv_poll_stop(&watches->poll);
  uv_update_time(loop);
  uv_timer_start(&watches->rest, on_rested, ms < LONGEST_REST_MS ? ms : LONGEST_REST_MS,
                 0);
  return true;
}

/* ---- deaths */

static void forget_over(struct deathwatches *watches) {
  struct deathwatch *watch;
  while ((watch = watches->over) != NULL) {
    watches->over = watch->next;
    free(watch);
  }
}

static void on_readable(uv_poll_t *poll, int status, int unused) {
  struct deathwatches *watches = poll->data;
  struct epoll_event events[BATCH];
  (void)status;
  (void)unused;
  if (begin_rest(watches)) return;
  int count = epoll_wait(watches->set, events, BATCH, 0);
  watches->telling = true;
  for (int i = 0; i < count; i++) {
    struct deathwatch *watch = events[i].data.ptr;
    if (!watch->over) watch->dead(watch->data);
  }
  watches->telling = false;
  forget_over(watches);
}

/* ---- the set */

struct deathwatches *deathwatches_new(uv_loop_t *loop) {
  struct deathwatches *watches = calloc(1, sizeof *watches);
  if (!watches) return NULL;
  watches->set = epoll_create1(EPOLL_CLOEXEC);
  if (watches->set < 0 || uv_poll_init(loop, &watches->poll, watches->set) < 0) {
    if (watches->set >= 0) close(watches->set);
    free(watches);
    return NULL;
  }
  uv_timer_init(loop, &watches->rest);
  watches->rest.data = watches->poll.data = watches;
  watches->open_handles = 2;
  on_rested(&watches->rest);
  uv_unref((uv_handle_t *)&watches->poll);
  return watches;
}

static void on_closed(uv_handle_t *handle) {
  struct deathwatches *watches = handle->data;
  if (--watches->open_handles == 0) free(watches);
}

void deathwatches_free(struct deathwatches *watches) {
  if (!watches) return;
  uv_close((uv_handle_t *)&watches->rest, on_closed);
  uv_close((uv_handle_t *)&watches->poll, on_closed);
  close(watches->set);
}

/* ---- a watch */

static int watch_begin(struct deathwatches *watches, struct deathwatch *watch) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
  if (epoll_ctl(watches->set, EPOLL_CTL_ADD, watch->pidfd, &event) < 0) return -errno;
  if (watches->count++ == 0) uv_ref((uv_handle_t *)&watches->poll);
  return 0;
}

struct deathwatch *deathwatch_new(struct deathwatches *watches, int pidfd,
                                  void (*dead)(void *data), void *data, int *error) {
  struct deathwatch *watch = malloc(sizeof *watch);
  *error = UV_ENOMEM;
  if (watch) {
    *watch = (struct deathwatch){watches, pidfd, false, dead, data, NULL};
    *error = watch_begin(watches, watch);
  }
  if (!*error) return watch;
  free(watch);
  close(pidfd);
  return NULL;
}

int deathwatch_pidfd(const struct deathwatch *watch) {
  return watch->pidfd;
}

/* Closing is not enough: a child that is being launched may have the pidfd for a moment. */
void deathwatch_free(struct deathwatch *watch) {
  if (!watch) return;
  struct deathwatches *watches = watch->watches;
  epoll_ctl(watches->set, EPOLL_CTL_DEL, watch->pidfd, NULL);
  close(watch->pidfd);
  if (--watches->count == 0) uv_unref((uv_handle_t *)&watches->poll);
  watch->over = true;
  watch->next = watches->over;
  watches->over = watch;
  if (!watches->telling) forget_over(watches);
}
