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
#include <unistd.h>

#include "workers.h"

enum { GO = 1, STOP = 2 };

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

struct ends {
  int there, back;
};

static void *thread_main(void *argument) {
  struct ends *ends = argument;
  lua_State *L = open_state();
  eventfd_t what = GO;
  do check(eventfd_write(ends->back, GO), "eventfd_write");
  while (eventfd_read(ends->there, &what) == 0 && what == GO);
  lua_close(L);
  return NULL;
}

struct runtimes runtimes_thread(unsigned long samples) {
  struct runtimes seen;
  struct ends ends = {eventfd(0, 0), eventfd(0, 0)};
  pthread_t thread;
  eventfd_t what;
  double began = workers_now();
  check(-pthread_create(&thread, NULL, thread_main, &ends), "pthread_create");
  check(eventfd_read(ends.back, &what), "eventfd_read");
  seen.start = workers_now() - began;
  began = workers_now();
  for (unsigned long i = 0; i < samples; i++) {
    check(eventfd_write(ends.there, GO), "eventfd_write");
    check(eventfd_read(ends.back, &what), "eventfd_read");
  }
  seen.trip = (workers_now() - began) / (double)samples;
  check(eventfd_write(ends.there, STOP), "eventfd_write");
  pthread_join(thread, NULL);
  close(ends.there);
  close(ends.back);
  return seen;
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

struct runtimes runtimes_process(unsigned long samples) {
  struct runtimes seen;
  int fds[2];
  char byte = 0;
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "socketpair");
  double began = workers_now();
  pid_t pid = fork();
  check(pid, "fork");
  if (pid == 0) become_echo(fds[1]);
  close(fds[1]);
  check(read(fds[0], &byte, 1) == 1 ? 0 : -1, "read");
  seen.start = workers_now() - began;
  began = workers_now();
  for (unsigned long i = 0; i < samples; i++) {
    check((int)write(fds[0], &byte, 1), "write");
    check((int)read(fds[0], &byte, 1), "read");
  }
  seen.trip = (workers_now() - began) / (double)samples;
  close(fds[0]);
  waitpid(pid, NULL, 0);
  return seen;
}
