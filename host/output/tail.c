/* SPDX-License-Identifier: Apache-2.0 */
/* Tail: see tail.h. It grows by doubling and is a ring only when it has its full size. */
#include "output/tail.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 512 };

struct tail {
  pthread_mutex_t lock;
  unsigned holders; /* the loop's */
  size_t start, len, room;
  uint64_t total;
  char *bytes;
};

struct tail *tail_new(void) {
  struct tail *tail = calloc(1, sizeof *tail);
  if (tail) pthread_mutex_init(&tail->lock, NULL);
  return tail_share(tail);
}

struct tail *tail_share(struct tail *tail) {
  if (tail) tail->holders++;
  return tail;
}

void tail_release(struct tail *tail) {
  if (!tail || --tail->holders > 0) return;
  pthread_mutex_destroy(&tail->lock);
  free(tail->bytes);
  free(tail);
}

static bool grow(struct tail *tail, size_t need) {
  size_t room = tail->room ? tail->room : FIRST_ROOM;
  while (room < need && room < TAIL_SIZE) room *= 2;
  if (room == tail->room) return true;
  char *grown = realloc(tail->bytes, room);
  if (!grown) return false;
  tail->bytes = grown;
  tail->room = room;
  return true;
}

static void put(struct tail *tail, const char *bytes, size_t len) {
  size_t end = (tail->start + tail->len) % tail->room;
  size_t first = tail->room - end < len ? tail->room - end : len;
  memcpy(tail->bytes + end, bytes, first);
  memcpy(tail->bytes, bytes + first, len - first);
  tail->len += len;
}

static void add_locked(struct tail *tail, const char *bytes, size_t len) {
  tail->total += len;
  if (len > TAIL_SIZE) {
    bytes += len - TAIL_SIZE;
    len = TAIL_SIZE;
  }
  if (!grow(tail, tail->len + len)) return;
  size_t extra = tail->len + len > tail->room ? tail->len + len - tail->room : 0;
  tail->start = (tail->start + extra) % tail->room;
  tail->len -= extra;
  put(tail, bytes, len);
}

void tail_add(struct tail *tail, const char *bytes, size_t len) {
  if (!tail || len == 0) return;
  pthread_mutex_lock(&tail->lock);
  add_locked(tail, bytes, len);
  pthread_mutex_unlock(&tail->lock);
}

static void copy_locked(const struct tail *tail, size_t len, char *out) {
  size_t from = (tail->start + tail->len - len) % tail->room;
  size_t first = tail->room - from < len ? tail->room - from : len;
  memcpy(out, tail->bytes + from, first);
  memcpy(out + first, tail->bytes, len - first);
}

size_t tail_copy(struct tail *tail, uint64_t since, size_t wanted, char *out,
                 uint64_t *total) {
  *total = 0;
  if (!tail) return 0;
  pthread_mutex_lock(&tail->lock);
  uint64_t news = since <= tail->total ? tail->total - since : tail->total;
  size_t len = wanted < tail->len ? wanted : tail->len;
  if (news < len) len = (size_t)news;
  if (len > 0) copy_locked(tail, len, out);
  *total = tail->total;
  pthread_mutex_unlock(&tail->lock);
  return len;
}
