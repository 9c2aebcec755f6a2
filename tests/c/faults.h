/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: wrappers (see CMakeLists.txt) through which a test program and what it tests call
 * the system. They fail the call that is named in `fault`, so many times. */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
  NONE = -1,
  CLONE = -2,
  OPEN = -3,
  WRITE = -4,
  RENAME = -5,
  READ = -6,
  KILL = -7,
  MEMORY = -8
};

static volatile struct {
  long call;
  int error;
  int hits, times;
} fault = {.call = NONE};

static bool strikes(long call) {
  if (fault.call != call || fault.hits >= fault.times) return false;
  fault.hits++;
  errno = fault.error;
  return true;
}

static void set_fault(long call, int error) {
  fault.error = error;
  fault.hits = 0;
  fault.times = 1;
  fault.call = call;
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  return strikes(number) ? -1 : __real_syscall(number, a, b, c, d, e, f);
}

int __real_clone(int (*fn)(void *), void *stack, int flags, void *arg, int *fd);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, int *fd);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, int *fd) {
  return strikes(CLONE) ? -1 : __real_clone(fn, stack, flags, arg, fd);
}

int __real_open(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode) {
  return strikes(OPEN) ? -1 : __real_open(path, flags, mode);
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len) {
  return strikes(WRITE) ? -1 : __real_write(fd, bytes, len);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
  return strikes(RENAME) ? -1 : __real_rename(from, to);
}

ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __wrap_read(int fd, void *bytes, size_t len);
ssize_t __wrap_read(int fd, void *bytes, size_t len) {
  return strikes(READ) ? -1 : __real_read(fd, bytes, len);
}

int __real_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal) {
  return strikes(KILL) ? -1 : __real_kill(pid, signal);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
  return strikes(MEMORY) ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) {
  return strikes(MEMORY) ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size) {
  return strikes(MEMORY) ? NULL : __real_realloc(block, size);
}
