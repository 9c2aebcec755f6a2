/* SPDX-License-Identifier: Apache-2.0 */
/* Archive: see archive.h. `lock` is held while names change, never while data moves. */
#include "output/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/gzip.h"

enum { SUFFIX = 24 };

struct archive {
  pthread_mutex_t lock;
  atomic_uint owners;
  unsigned keep;
  size_t room;     /* of a name */
  char *from, *to; /* names, for who holds the lock */
  char *part, path[];
};

struct archive *archive_new(const char *path, unsigned keep) {
  size_t len = strlen(path);
  struct archive *archive = calloc(1, sizeof *archive + len + 1);
  if (!archive) return NULL;
  pthread_mutex_init(&archive->lock, NULL);
  archive->owners = 1;
  archive->keep = keep;
  archive->room = len + SUFFIX;
  memcpy(archive->path, path, len);
  archive->from = malloc(archive->room);
  archive->to = malloc(archive->room);
  archive->part = malloc(archive->room);
  if (archive->from && archive->to && archive->part) {
    snprintf(archive->part, archive->room, "%s.gz.part", path);
    return archive;
  }
  archive_release(archive);
  return NULL;
}

struct archive *archive_share(struct archive *archive) {
  atomic_fetch_add(&archive->owners, 1);
  return archive;
}

void archive_release(struct archive *archive) {
  if (!archive || atomic_fetch_sub(&archive->owners, 1) > 1) return;
  pthread_mutex_destroy(&archive->lock);
  free(archive->from);
  free(archive->to);
  free(archive->part);
  free(archive);
}

static void set_name(const struct archive *archive, char *name, unsigned number,
                     const char *end) {
  if (number == 0)
    snprintf(name, archive->room, "%s", archive->path);
  else
    snprintf(name, archive->room, "%s.%u%s", archive->path, number, end);
}

/* ---- shifting ---- */

static int missing_is_fine(int result) {
  return result < 0 && errno != ENOENT ? -errno : 0;
}

static int remove_locked(struct archive *archive, unsigned number, const char *end) {
  set_name(archive, archive->to, number, end);
  return missing_is_fine(unlink(archive->to));
}

static int move_locked(struct archive *archive, unsigned number, const char *end) {
  set_name(archive, archive->from, number - 1, end);
  set_name(archive, archive->to, number, end);
  return missing_is_fine(rename(archive->from, archive->to));
}

/* The last one is removed and not replaced: where a name is replaced, ext4 first brings to the disk what takes it. */
static int shift_locked(struct archive *archive) {
  int error = remove_locked(archive, archive->keep, "");
  if (archive->keep == 0) return error;
  if (!error) error = remove_locked(archive, archive->keep, ".gz");
  for (unsigned number = archive->keep; number > 0 && !error; number--) {
    if (number > 1) error = move_locked(archive, number, ".gz");
    if (!error) error = move_locked(archive, number, "");
  }
  return error;
}

int archive_shift(struct archive *archive) {
  pthread_mutex_lock(&archive->lock);
  int error = shift_locked(archive);
  pthread_mutex_unlock(&archive->lock);
  return error;
}

void archive_set_keep(struct archive *archive, unsigned keep) {
  pthread_mutex_lock(&archive->lock);
  for (unsigned number = keep + 1; number <= archive->keep; number++) {
    remove_locked(archive, number, ".gz");
    remove_locked(archive, number, "");
  }
  archive->keep = keep;
  pthread_mutex_unlock(&archive->lock);
}

/* ---- compressing ---- */

static int open_rotated(struct archive *archive, unsigned number, struct stat *stat) {
  pthread_mutex_lock(&archive->lock);
  set_name(archive, archive->from, number, "");
  int fd = open(archive->from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  int error = errno;
  pthread_mutex_unlock(&archive->lock);
  if (fd < 0) return -error;
  if (fstat(fd, stat) == 0 && S_ISREG(stat->st_mode)) return fd;
  close(fd);
  return -EINVAL;
}

/* Made anew, so that it is nobody else's; with the mode and times of what it stands for. */
static int open_part(const struct archive *archive, const struct stat *stat) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  unlink(archive->part);
  int fd = open(archive->part, flags, stat->st_mode & 0777);
  return fd < 0 ? -errno : fd;
}

static int copy(struct archive *archive, int from, const struct stat *stat,
                const atomic_bool *stop) {
  struct timespec times[2] = {stat->st_atim, stat->st_mtim};
  int to = open_part(archive, stat);
  if (to < 0) return to;
  int error = gzip_copy(from, to, stop);
  if (!error) futimens(to, times);
  if (close(to) < 0 && !error) error = -errno;
  return error;
}

static bool is_number_locked(struct archive *archive, unsigned number,
                             const struct stat *wanted) {
  struct stat stat;
  set_name(archive, archive->from, number, "");
  return lstat(archive->from, &stat) == 0 && stat.st_ino == wanted->st_ino &&
         stat.st_dev == wanted->st_dev;
}

static int replace_locked(struct archive *archive, const struct stat *stat) {
  for (unsigned number = 1; number <= archive->keep; number++) {
    if (!is_number_locked(archive, number, stat)) continue;
    set_name(archive, archive->to, number, ".gz");
    if (rename(archive->part, archive->to) < 0) return -errno;
    return unlink(archive->from) < 0 ? -errno : 0;
  }
  return -ENOENT; /* it has been rotated away meanwhile */
}

static int squeeze_one(struct archive *archive, unsigned number,
                       const atomic_bool *stop) {
  struct stat stat;
  int fd = open_rotated(archive, number, &stat);
  if (fd == -ENOENT) return 0;
  if (fd < 0) return fd;
  int error = copy(archive, fd, &stat, stop);
  close(fd);
  pthread_mutex_lock(&archive->lock);
  if (!error) error = replace_locked(archive, &stat);
  pthread_mutex_unlock(&archive->lock);
  if (error) unlink(archive->part);
  return error == -ENOENT ? 0 : error;
}

int archive_squeeze(struct archive *archive, const atomic_bool *stop) {
  int first = 0;
  for (unsigned number = archive->keep; number > 0 && !*stop; number--) {
    int error = squeeze_one(archive, number, stop);
    if (!first) first = error;
  }
  return first;
}
