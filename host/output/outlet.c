/* SPDX-License-Identifier: Apache-2.0 */
/* Outlet: see outlet.h. `lock` guards all fields; the thread copies a piece out and
 * writes it without the lock. */
#include "output/outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MARK = 48, DISK_FULL_MS = 100 };

struct outlet {
  int fd;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t filled, emptied;
  size_t room, head, used;
  unsigned long dropped; /* lines, since the last mark */
  int error;             /* the last that there was */
  bool busy;             /* the thread is between taking and having written */
  bool broken;           /* nobody reads any more */
  bool started;          /* it has a thread */
  bool closing;
  bool abandoned; /* the thread frees it, if its write ever ends */
  char ring[];
};

static unsigned long line_count(const char *bytes, size_t len) {
  unsigned long count = 0;
  const char *end = bytes + len;
  while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
    count++;
    bytes++;
  }
  return count ? count : 1;
}

static void ring_add(struct outlet *outlet, const char *bytes, size_t len) {
  size_t tail = (outlet->head + outlet->used) % outlet->room;
  size_t first = outlet->room - tail < len ? outlet->room - tail : len;
  memcpy(outlet->ring + tail, bytes, first);
  memcpy(outlet->ring, bytes + first, len - first);
  outlet->used += len;
}

static bool add_mark(struct outlet *outlet, size_t also) {
  char mark[MARK];
  int len = snprintf(mark, sizeof mark, "[%lu line%s dropped]\n", outlet->dropped,
                     outlet->dropped == 1 ? "" : "s");
  if (outlet->room - outlet->used < (size_t)len + also) return false;
  ring_add(outlet, mark, (size_t)len);
  outlet->dropped = 0;
  return true;
}

static void put_or_drop(struct outlet *outlet, const char *bytes, size_t len) {
  bool fits = outlet->room - outlet->used >= len;
  if (fits && outlet->dropped) fits = add_mark(outlet, len);
  if (fits)
    ring_add(outlet, bytes, len);
  else
    outlet->dropped += line_count(bytes, len);
}

static size_t last_line_end(const char *bytes, size_t len) {
  const char *end = memrchr(bytes, '\n', len);
  return end ? (size_t)(end - bytes) + 1 : len;
}

/* Takes what is to be written at once: whole lines of up to PIPE_BUF if any fit. */
static size_t ring_take(struct outlet *outlet, char *piece) {
  size_t len = outlet->used < PIPE_BUF ? outlet->used : PIPE_BUF;
  size_t first = outlet->room - outlet->head < len ? outlet->room - outlet->head : len;
  memcpy(piece, outlet->ring + outlet->head, first);
  memcpy(piece + first, outlet->ring, len - first);
  len = last_line_end(piece, len);
  outlet->head = (outlet->head + len) % outlet->room;
  outlet->used -= len;
  return len;
}

static int write_some(int fd, const char *bytes, size_t len) {
  struct pollfd room = {.fd = fd, .events = POLLOUT};
  ssize_t written = write(fd, bytes, len);
  int error = errno;
  if (written < 0 && error == EAGAIN) poll(&room, 1, -1);
  return written < 0 ? -error : (int)written;
}

/* Returns 0 or the error that ended it, with the bytes not written in [left]. */
static int write_piece(int fd, const char *piece, size_t len, size_t *left) {
  for (*left = len; *left > 0;) {
    int written = write_some(fd, piece + (len - *left), *left);
    if (written >= 0)
      *left -= (size_t)written;
    else if (written != -EINTR && written != -EAGAIN)
      return written;
  }
  return 0;
}

static void rest_a_while(void) {
  struct timespec pause = {.tv_nsec = DISK_FULL_MS * 1000000L};
  nanosleep(&pause, NULL);
}

static bool nobody_reads(int error) {
  return error == -EPIPE || error == -EIO || error == -EBADF || error == -ECONNRESET;
}

static void account_failure(struct outlet *outlet, int error, const char *lost,
                            size_t len) {
  outlet->error = error;
  if (nobody_reads(error)) {
    outlet->broken = true;
    outlet->used = outlet->dropped = 0;
    return;
  }
  outlet->dropped += line_count(lost, len);
  pthread_mutex_unlock(&outlet->lock);
  rest_a_while();
  pthread_mutex_lock(&outlet->lock);
}

static void write_next(struct outlet *outlet) {
  char piece[PIPE_BUF];
  size_t len = ring_take(outlet, piece), left;
  outlet->busy = true;
  pthread_mutex_unlock(&outlet->lock);
  int error = write_piece(outlet->fd, piece, len, &left);
  pthread_mutex_lock(&outlet->lock);
  if (error) account_failure(outlet, error, piece + len - left, left);
  outlet->busy = false;
}

static void init_locks(struct outlet *outlet) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&outlet->lock, NULL);
  pthread_cond_init(&outlet->filled, NULL);
  pthread_cond_init(&outlet->emptied, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

static void destroy(struct outlet *outlet) {
  pthread_cond_destroy(&outlet->emptied);
  pthread_cond_destroy(&outlet->filled);
  pthread_mutex_destroy(&outlet->lock);
  free(outlet);
}

static void *run(void *arg) {
  struct outlet *outlet = arg;
  pthread_mutex_lock(&outlet->lock);
  while (!outlet->closing) {
    if (outlet->used == 0 && outlet->dropped) add_mark(outlet, 0);
    if (outlet->used == 0) {
      pthread_cond_broadcast(&outlet->emptied);
      pthread_cond_wait(&outlet->filled, &outlet->lock);
    } else {
      write_next(outlet);
    }
  }
  bool abandoned = outlet->abandoned;
  pthread_mutex_unlock(&outlet->lock);
  if (abandoned) destroy(outlet);
  return NULL;
}

/* Where there can be no thread now, what is put is kept, and it is tried again with the next. The
 * thread takes no signal: neither the host's, nor a SIGPIPE of its own. */
static void start_thread(struct outlet *outlet) {
  if (outlet->started) return;
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  outlet->started = pthread_create(&outlet->thread, NULL, run, outlet) == 0;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct outlet *outlet_new(int fd, size_t room) {
  struct outlet *outlet = calloc(1, sizeof *outlet + room);
  if (!outlet) return NULL;
  outlet->fd = fd;
  outlet->room = room;
  init_locks(outlet);
  return outlet;
}

void outlet_put(struct outlet *outlet, const char *bytes, size_t len) {
  if (len == 0) return;
  pthread_mutex_lock(&outlet->lock);
  if (!outlet->broken) put_or_drop(outlet, bytes, len);
  start_thread(outlet);
  pthread_cond_signal(&outlet->filled);
  pthread_mutex_unlock(&outlet->lock);
}

static struct timespec after(unsigned ms) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  at.tv_sec += ms / 1000;
  at.tv_nsec += (long)(ms % 1000) * 1000000;
  if (at.tv_nsec < 1000000000) return at;
  at.tv_sec++;
  at.tv_nsec -= 1000000000;
  return at;
}

static bool is_idle(const struct outlet *outlet) {
  return outlet->used == 0 && outlet->dropped == 0 && !outlet->busy;
}

/* As far as the descriptor takes it at once. */
static void write_here(struct outlet *outlet) {
  struct pollfd room = {.fd = outlet->fd, .events = POLLOUT};
  while (outlet->used > 0 && poll(&room, 1, 0) == 1 && outlet->error == 0)
    write_next(outlet);
}

bool outlet_flush(struct outlet *outlet, unsigned ms) {
  struct timespec until = after(ms);
  int error = 0;
  pthread_mutex_lock(&outlet->lock);
  if (!is_idle(outlet)) start_thread(outlet);
  if (!outlet->started) write_here(outlet);
  while (!is_idle(outlet) && error != ETIMEDOUT)
    error = pthread_cond_timedwait(&outlet->emptied, &outlet->lock, &until);
  bool idle = is_idle(outlet);
  pthread_mutex_unlock(&outlet->lock);
  return idle;
}

int outlet_error(struct outlet *outlet) {
  pthread_mutex_lock(&outlet->lock);
  int error = outlet->error;
  pthread_mutex_unlock(&outlet->lock);
  return error;
}

void outlet_free(struct outlet *outlet) {
  if (!outlet) return;
  pthread_mutex_lock(&outlet->lock);
  bool hangs = outlet->abandoned = outlet->busy;
  outlet->closing = true;
  pthread_t thread = outlet->thread;
  bool started = outlet->started;
  pthread_cond_signal(&outlet->filled);
  pthread_mutex_unlock(&outlet->lock);
  if (hangs) {
    pthread_detach(thread);
    return;
  }
  if (started) pthread_join(thread, NULL);
  destroy(outlet);
}
