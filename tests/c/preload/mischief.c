/* SPDX-License-Identifier: Apache-2.0 */
/* Mischief: is put before libc by LD_PRELOAD, and does what the file named by MISCHIEF says
 * at the moment: "wall SECONDS" moves the clock on the wall by so much, "clone ERRNO" makes
 * clone() fail, "thread ERRNO" pthread_create(). Without the file everything is as it is.
 * Programs do not inherit it. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long asked(const char *what) {
  const char *path = getenv("MISCHIEF"), *at;
  char text[64] = "";
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  at = got > 0 ? strstr(text, what) : NULL;
  return at ? strtol(at + strlen(what), NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += asked("wall ");
  return result;
}

int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...) {
  int (*real)(int (*)(void *), void *, int, void *, ...) = dlsym(RTLD_NEXT, "clone");
  va_list rest;
  int error = (int)asked("clone ");
  if (error) {
    errno = error;
    return -1;
  }
  va_start(rest, arg);
  int *first = va_arg(rest, int *);
  va_end(rest);
  return real(fn, stack, flags, arg, first);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*fn)(void *), void *arg) {
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
      dlsym(RTLD_NEXT, "pthread_create");
  int error = (int)asked("thread ");
  return error ? error : real(thread, attributes, fn, arg);
}
