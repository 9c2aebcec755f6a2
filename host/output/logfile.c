/* SPDX-License-Identifier: Apache-2.0 */
/* Logfile: see logfile.h. */
#include "output/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/stamp.h"
#include "output/archive.h"
#include "output/chunk.h"
#include "output/squeezer.h"

enum { MARGIN = 64 * 1024, MARGIN_PART = 8, CHECK_MS = 1000 };

struct logfile {
  char *path;
  struct archive *archive;
  struct squeezer *squeezer; /* borrowed */
  uint64_t max, early;       /* from `early` on a line end is waited for to rotate at */
  uint64_t max_age, born;    /* ms; it was made at `born` of the monotonic clock */
  int fd;                    /* -1 when it could not be opened again */
  dev_t dev;
  ino_t ino;
  bool is_regular;
  bool due;      /* to be rotated before the next byte */
  bool aged;     /* to be rotated at the next line end */
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

static uint64_t now_ms(void) {
  return uv_hrtime() / 1000000;
}

/* How long ago a file was made, in ms, as far as the file system and the clock know. */
static uint64_t age_of(int fd) {
  struct statx status;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) < 0) return 0;
  if (!(status.stx_mask & STATX_BTIME)) return 0;
  return stamp_age(status.stx_btime.tv_sec) * 1000;
}

/* A file that is empty has no age. */
static void take_age(struct logfile *file) {
  uint64_t now = now_ms(), age = file->max_age && file->size > 0 ? age_of(file->fd) : 0;
  file->born = age < now ? now - age : 0;
  file->aged = false;
}

static bool is_full(const struct logfile *file) {
  return file->is_regular && file->max && file->size > file->early;
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
  file->due = is_full(file);
  take_age(file);
  return 0;
}

/* ---- rotation ---- */

/* Is the path still the file that is open? Somebody else's file is not to be renamed. */
static bool is_in_place(const struct logfile *file) {
  struct stat stat;
  if (lstat(file->path, &stat) < 0) return errno != ENOENT;
  return stat.st_dev == file->dev && stat.st_ino == file->ino;
}

static int rotate(struct logfile *file) {
  int error = is_in_place(file) ? archive_shift(file->archive) : 0;
  if (!error && file->squeezer) squeezer_ask(file->squeezer, file->archive);
  return error ? error : open_again(file);
}

/* Whether it has become too old; one that is empty only becomes older. */
static void check_age(struct logfile *file, uint64_t now) {
  if (!file->max_age || !file->is_regular) return;
  if (file->size == 0) file->born = now;
  if (now < file->born + file->max_age) return;
  if (file->whole == file->size) file->due = true;
  file->aged = true;
}

/* How much of [bytes] goes into the present file; whether it is full then. */
static size_t take(struct logfile *file, const char *bytes, size_t len) {
  bool is_full = file->max && file->size + len > file->early;
  if (!file->is_regular || (!is_full && !file->aged)) return len;
  uint64_t room = !file->max ? len : file->max > file->size ? file->max - file->size : 0;
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

/* A line that lies in the old file already is brought to its end there, however many
 * writes that takes. */
static int follow(struct logfile *file, const char **bytes, size_t *len) {
  if (file->fd < 0 || file->whole == file->size) return open_again(file);
  const char *end = memchr(*bytes, '\n', *len);
  size_t part = end ? (size_t)(end - *bytes) + 1 : *len, left = part;
  int error = write_all(file, *bytes, &left);
  *bytes += part - left;
  *len -= part - left;
  return error || !end ? error : open_again(file);
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
  check_age(file, now);
  if (file->moved && len > 0) error = follow(file, &bytes, &len);
  size_t left = len;
  if (!error) error = put(file, bytes, len, &left);
  if (!error) return 0;
  logfile_lose(file, bytes + len - left, left);
  file->due = is_full(file); /* what was to fill it was not written */
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
  file->path = strdup(options->path);
  file->archive = archive_new(options->path, options->keep);
  file->squeezer = options->keep > 0 ? options->squeezer : NULL;
  return file->path && file->archive ? 0 : UV_ENOMEM;
}

static void set_limits(struct logfile *file, const struct logfile_options *options) {
  uint64_t margin = options->max_size / MARGIN_PART;
  file->max = options->max_size;
  file->early = file->max - (margin < MARGIN ? margin : MARGIN);
  file->max_age = options->max_age;
}

void logfile_limit(struct logfile *file, const struct logfile_options *options) {
  set_limits(file, options);
  file->squeezer = options->keep > 0 ? options->squeezer : NULL;
  archive_set_keep(file->archive, options->keep);
  if (file->fd >= 0) take_age(file);
}

int logfile_open(const struct logfile_options *options, struct logfile **out) {
  struct logfile *file;
  int error = allocate(options, &file);
  if (error) goto fail;
  set_limits(file, options);
  error = open_again(file);
  if (error) goto fail;
  file->checked = now_ms();
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
  archive_release(file->archive);
  free(file);
}
