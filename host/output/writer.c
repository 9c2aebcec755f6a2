/* SPDX-License-Identifier: Apache-2.0 */
/* Writer: see writer.h. */
#include "output/writer.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "output/outlet.h"

enum { ROOM = 1 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct outlet *outlets[2];

static struct outlet *outlet_of(int fd, bool begin) {
  pthread_mutex_lock(&lock);
  struct outlet **outlet = &outlets[fd == STDERR_FILENO];
  if (!*outlet && begin) *outlet = outlet_new(fd, ROOM);
  struct outlet *found = *outlet;
  pthread_mutex_unlock(&lock);
  return found;
}

void writer_put(int fd, const char *bytes, size_t len) {
  struct outlet *outlet = outlet_of(fd, true);
  if (outlet) outlet_put(outlet, bytes, len);
}

static unsigned now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (unsigned)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

bool writer_flush(unsigned ms) {
  unsigned begun = now_ms();
  bool done = true;
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
    struct outlet *outlet = outlet_of(fd, false);
    unsigned spent = now_ms() - begun;
    if (outlet && !outlet_flush(outlet, spent < ms ? ms - spent : 0)) done = false;
  }
  return done;
}

int writer_error(int fd) {
  struct outlet *outlet = outlet_of(fd, false);
  return outlet ? outlet_error(outlet) : 0;
}

void writer_stop(unsigned ms) {
  writer_flush(ms);
  for (int i = 0; i < 2; i++) {
    outlet_free(outlets[i]);
    outlets[i] = NULL;
  }
}
