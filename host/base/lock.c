/* SPDX-License-Identifier: Apache-2.0 */
/* Lock: see lock.h. Thread: any. */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { TRIES = 16, DIGITS = 24 };

static pid_t read_holder(int fd) {
  char text[DIGITS] = "";
  ssize_t got = pread(fd, text, sizeof text - 1, 0);
  return got > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* Is what was opened still what the path names? */
static bool is_at(int fd, const char *path) {
  struct stat opened, named;
  return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* Where others may make files, too, it could be a link to one that must not be written. */
static int check_own(int fd) {
  struct stat stat;
  if (fstat(fd, &stat) < 0) return -errno;
  bool is_own = S_ISREG(stat.st_mode) && stat.st_uid == geteuid() && stat.st_nlink <= 1;
  return is_own ? 0 : UV_EPERM;
}

static int write_holder(int fd) {
  char text[DIGITS];
  int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
  if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)length, 0) < 0) return -errno;
  return 0;
}

static int try_to_take(const char *path, pid_t *holder) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
  if (fd < 0) return -errno;
  int error = check_own(fd);
  if (!error && flock(fd, LOCK_EX | LOCK_NB) < 0) error = -errno;
  if (error == -EWOULDBLOCK) {
    *holder = read_holder(fd);
    error = UV_EBUSY;
  }
  if (!error && !is_at(fd, path)) error = UV_EAGAIN;
  if (!error) return fd;
  close(fd);
  return error;
}

int lock_take(const char *path, pid_t *holder) {
  int fd = UV_EAGAIN;
  *holder = 0;
  for (int i = 0; i < TRIES && fd == UV_EAGAIN; i++) fd = try_to_take(path, holder);
  if (fd < 0) return fd;
  int error = write_holder(fd);
  if (!error) return fd;
  close(fd);
  return error;
}
