/* SPDX-License-Identifier: Apache-2.0 */
/* Runtimes: see runtimes.h. */
#include "runtimes.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workers.h"

enum { GO = 1, STOP = 2 };
enum { AGAIN = 21, REST_MS = 100 }; /* as there */

/* One that runs. */
struct one {
  pthread_t thread;
  pid_t pid;
  int there, back;
};

struct kind {
  void (*begin)(struct one *one); /* it answers once */
  void (*ask)(struct one *one);
  void (*hear)(struct one *one);
  void (*end)(struct one *one);
};

static void check(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static lua_State *open_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  return L;
}

/* ---- a thread ---- */

static void *thread_main(void *argument) {
  struct one *one = argument;
  lua_State *L = open_state();
  eventfd_t what = GO;
  do check(eventfd_write(one->back, GO), "eventfd_write");
  while (eventfd_read(one->there, &what) == 0 && what == GO);
  lua_close(L);
  return NULL;
}

static void thread_begin(struct one *one) {
  check(one->there = eventfd(0, 0), "eventfd");
  check(one->back = eventfd(0, 0), "eventfd");
  check(-pthread_create(&one->thread, NULL, thread_main, one), "pthread_create");
}

static void thread_ask(struct one *one) {
  check(eventfd_write(one->there, GO), "eventfd_write");
}

static void thread_hear(struct one *one) {
  eventfd_t what;
  check(eventfd_read(one->back, &what), "eventfd_read");
}

static void thread_end(struct one *one) {
  check(eventfd_write(one->there, STOP), "eventfd_write");
  pthread_join(one->thread, NULL);
  close(one->there);
  close(one->back);
}

/* ---- a process ---- */

void runtimes_echo(void) {
  lua_State *L = open_state();
  char byte = 0;
  do check((int)write(STDIN_FILENO, &byte, 1), "write");
  while (read(STDIN_FILENO, &byte, 1) == 1);
  lua_close(L);
}

static void become_echo(int fd) {
  dup2(fd, STDIN_FILENO);
  execl("/proc/self/exe", "limits", "echo", (char *)NULL);
  _exit(1);
}

static void process_begin(struct one *one) {
  int fds[2];
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "socketpair");
  check(one->pid = fork(), "fork");
  if (one->pid == 0) become_echo(fds[1]);
  close(fds[1]);
  one->there = fds[0];
}

static void process_ask(struct one *one) {
  char byte = 0;
  check((int)write(one->there, &byte, 1), "write");
}

static void process_hear(struct one *one) {
  char byte;
  check(read(one->there, &byte, 1) == 1 ? 0 : -1, "read");
}

static void process_end(struct one *one) {
  close(one->there);
  waitpid(one->pid, NULL, 0);
}

/* ---- both ---- */

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double start(const struct kind *kind, struct one *ones, size_t count) {
  double began = workers_now();
  for (size_t i = 0; i < count; i++) kind->begin(ones + i);
  for (size_t i = 0; i < count; i++) kind->hear(ones + i);
  return (workers_now() - began) / (double)count;
}

static double trip(const struct kind *kind, struct one *one, size_t samples) {
  double began = workers_now();
  for (size_t i = 0; i < samples; i++) {
    kind->ask(one);
    kind->hear(one);
  }
  return (workers_now() - began) / (double)samples;
}

static double again(const struct kind *kind, struct one *one) {
  const struct timespec rest = {.tv_nsec = REST_MS * 1000000L};
  double times[AGAIN];
  for (int i = 0; i < AGAIN; i++) {
    nanosleep(&rest, NULL);
    kind->end(one);
    times[i] = start(kind, one, 1);
  }
  qsort(times, AGAIN, sizeof *times, compare);
  return times[AGAIN / 2];
}

static struct runtimes measure(const struct kind *kind, size_t count, size_t samples) {
  struct runtimes seen;
  struct one *ones = calloc(count, sizeof *ones);
  check(ones ? 0 : -1, "calloc");
  seen.start = start(kind, ones, count);
  seen.trip = trip(kind, ones, samples);
  seen.again = again(kind, ones);
  for (size_t i = 0; i < count; i++) kind->end(ones + i);
  free(ones);
  return seen;
}

struct runtimes runtimes_thread(size_t count, size_t samples) {
  const struct kind kind = {thread_begin, thread_ask, thread_hear, thread_end};
  return measure(&kind, count, samples);
}

struct runtimes runtimes_process(size_t count, size_t samples) {
  const struct kind kind = {process_begin, process_ask, process_hear, process_end};
  return measure(&kind, count, samples);
}
