/* SPDX-License-Identifier: Apache-2.0 */
/* Logfile: see logfile.h. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "chunk.h"

enum { MARGIN = 64 * 1024, MARGIN_PART = 8, CHECK_MS = 1000, NUMBER = 12 };

struct logfile {
  char *path, *older, *newer; /* the last two have room for a number */
  size_t name_room;
  uint64_t max, early; /* from `early` on a line end is waited for to rotate at */
  unsigned keep;
  int fd; /* -1 when it could not be opened again */
  dev_t dev;
  ino_t ino;
  bool is_regular;
  bool due;      /* to be rotated before the next byte */
  bool moved;    /* to be opened again at the next line end */
  bool skipping; /* the line whose beginning was lost goes on */
  uint64_t size;
  uint64_t whole; /* size up to the last line end */
  uint64_t checked;
};

static int check_kind(int fd) {
  struct stat stat;
  if (fstat(fd, &stat) < 0) return -errno;
  return S_ISREG(stat.st_mode) || S_ISCHR(stat.st_mode) ? 0 : UV_EINVAL;
}

/* O_NONBLOCK only so that opening a FIFO does not wait for its reader. */
int logfile_open_path(const char *path) {
  int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
  int fd = open(path, flags | O_NONBLOCK, 0644);
  if (fd < 0) return errno == ENXIO ? UV_EINVAL : -errno;
  int error = check_kind(fd);
  if (!error && fcntl(fd, F_SETFL, O_APPEND) < 0) error = -errno;
  if (!error) return fd;
  close(fd);
  return error;
}

/* Closes what is open first: its descriptor is the one that is sure to be free. */
static int open_again(struct logfile *file) {
  struct stat stat;
  if (file->fd >= 0) close(file->fd);
  file->moved = false;
  file->fd = logfile_open_path(file->path);
  if (file->fd < 0) {
    int error = file->fd;
    file->fd = -1;
    return error;
  }
  if (fstat(file->fd, &stat) < 0) return -errno;
  file->dev = stat.st_dev;
  file->ino = stat.st_ino;
  file->is_regular = S_ISREG(stat.st_mode);
  file->size = file->whole = file->is_regular ? (uint64_t)stat.st_size : 0;
  file->due = file->is_regular && file->max && file->size > file->early;
  return 0;
}

/* ---- rotation ---- */

static const char *name_of(const struct logfile *file, char *name, unsigned number) {
  if (number == 0) return file->path;
  snprintf(name, file->name_room, "%s.%u", file->path, number);
  return name;
}

static int shift(struct logfile *file) {
  if (file->keep == 0) return unlink(file->path) < 0 && errno != ENOENT ? -errno : 0;
  for (unsigned number = file->keep; number > 0; number--) {
    const char *from = name_of(file, file->newer, number - 1);
    const char *to = name_of(file, file->older, number);
    if (rename(from, to) < 0 && errno != ENOENT) return -errno;
  }
  return 0;
}

/* Is the path still the file that is open? Somebody else's file is not to be renamed. */
static bool is_in_place(const struct logfile *file) {
  struct stat stat;
  if (lstat(file->path, &stat) < 0) return errno != ENOENT;
  return stat.st_dev == file->dev && stat.st_ino == file->ino;
}

static int rotate(struct logfile *file) {
  int error = is_in_place(file) ? shift(file) : 0;
  return error ? error : open_again(file);
}

/* How much of [bytes] goes into the present file; whether it is full then. */
static size_t take(struct logfile *file, const char *bytes, size_t len) {
  if (!file->max || !file->is_regular || file->size + len <= file->early) return len;
  uint64_t room = file->max > file->size ? file->max - file->size : 0;
  size_t fits = room < len ? (size_t)room : len;
  const char *end = memrchr(bytes, '\n', fits);
  if (end) fits = (size_t)(end - bytes) + 1;
  if (!end && file->size > 0 && file->whole == file->size) fits = 0;
  file->due = end || fits < len;
  return fits;
}

/* ---- writing ---- */

static void advance(struct logfile *file, const char *bytes, size_t len) {
  const char *end = memrchr(bytes, '\n', len);
  if (end) file->whole = file->size + (size_t)(end - bytes) + 1;
  file->size += len;
}

/* Returns 0 or the error that ended it, with what was not written in [left]. */
static int write_all(struct logfile *file, const char *bytes, size_t *left) {
  while (*left > 0) {
    ssize_t written = write(file->fd, bytes, *left);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    advance(file, bytes, (size_t)written);
    bytes += written;
    *left -= (size_t)written;
  }
  return 0;
}

static int put(struct logfile *file, const char *bytes, size_t len, size_t *left) {
  *left = len;
  while (*left > 0) {
    int error = file->fd < 0 ? open_again(file) : 0;
    if (!error && file->due) error = rotate(file);
    if (error) return error;
    size_t part = take(file, bytes, *left), rest = part;
    error = write_all(file, bytes, &rest);
    bytes += part - rest;
    *left -= part - rest;
    if (error) return error;
  }
  return 0;
}

/* A line that lies in the old file already is brought to its end there. */
static int follow(struct logfile *file, const char **bytes, size_t *len) {
  const char *end = file->whole == file->size ? NULL : memchr(*bytes, '\n', *len);
  size_t part = end ? (size_t)(end - *bytes) + 1 : 0, left = part;
  int error = file->fd < 0 ? 0 : write_all(file, *bytes, &left);
  *bytes += part - left;
  *len -= part - left;
  return error ? error : open_again(file);
}

static void look(struct logfile *file, uint64_t now) {
  if (now - file->checked < CHECK_MS || file->fd < 0) return;
  file->checked = now;
  if (file->is_regular && !is_in_place(file)) file->moved = true;
}

static void skip(struct logfile *file, const char **bytes, size_t *len) {
  const char *end = memchr(*bytes, '\n', *len);
  size_t part = end ? (size_t)(end - *bytes) + 1 : *len;
  *bytes += part;
  *len -= part;
  file->skipping = !end;
}

/* Takes the beginning of a line out again whose rest is lost, unless somebody else has
 * written behind it. */
static void forget_torn_line(struct logfile *file) {
  struct stat stat;
  bool is_ours = file->fd >= 0 && file->is_regular && fstat(file->fd, &stat) == 0 &&
                 (uint64_t)stat.st_size == file->size;
  if (is_ours && ftruncate(file->fd, (off_t)file->whole) == 0) file->size = file->whole;
}

void logfile_lose(struct logfile *file, const char *bytes, size_t len) {
  if (len == 0) return;
  if (file->whole < file->size) forget_torn_line(file);
  file->skipping = bytes[len - 1] != '\n';
}

int logfile_write(struct logfile *file, const char *bytes, size_t len, uint64_t now,
                  unsigned long *lost) {
  int error = 0;
  const char *begin = bytes;
  if (file->skipping) skip(file, &bytes, &len);
  *lost = chunk_lines(begin, (size_t)(bytes - begin));
  look(file, now);
  if (file->moved && len > 0) error = follow(file, &bytes, &len);
  size_t left = len;
  if (!error) error = put(file, bytes, len, &left);
  if (!error) return 0;
  logfile_lose(file, bytes + len - left, left);
  *lost += chunk_lines(bytes + len - left, left);
  return error;
}

int logfile_reopen(struct logfile *file) {
  if (file->whole == file->size || file->fd < 0) return open_again(file);
  file->moved = true;
  return 0;
}

/* ---- life ---- */

static int allocate(const struct logfile_options *options, struct logfile **out) {
  struct logfile *file = *out = calloc(1, sizeof *file);
  if (!file) return UV_ENOMEM;
  file->fd = -1;
  file->name_room = strlen(options->path) + NUMBER;
  file->path = strdup(options->path);
  file->older = malloc(file->name_room);
  file->newer = malloc(file->name_room);
  return file->path && file->older && file->newer ? 0 : UV_ENOMEM;
}

int logfile_open(const struct logfile_options *options, struct logfile **out) {
  struct logfile *file;
  int error = allocate(options, &file);
  if (error) goto fail;
  uint64_t margin = options->max_size / MARGIN_PART;
  file->max = options->max_size;
  file->early = file->max - (margin < MARGIN ? margin : MARGIN);
  file->keep = options->keep;
  error = open_again(file);
  if (error) goto fail;
  file->checked = uv_hrtime() / 1000000;
  *out = file;
  return 0;
fail:
  logfile_close(file);
  return error;
}

void logfile_close(struct logfile *file) {
  if (!file) return;
  if (file->fd >= 0) close(file->fd);
  free(file->path);
  free(file->older);
  free(file->newer);
  free(file);
}
