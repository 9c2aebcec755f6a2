/* SPDX-License-Identifier: Apache-2.0 */
/* Input: see input.h. Thread: any. */
#include "base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_kind(int fd) {
  struct stat status;
  if (fstat(fd, &status) < 0) return -errno;
  if (S_ISDIR(status.st_mode)) return -EISDIR;
  return S_ISREG(status.st_mode) || S_ISCHR(status.st_mode) ? 0 : -EINVAL;
}

/* O_NONBLOCK only so that opening a FIFO does not wait for its writer. */
int input_open_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return -errno;
  int error = check_kind(fd);
  if (!error && fcntl(fd, F_SETFL, 0) < 0) error = -errno;
  if (!error) return fd;
  close(fd);
  return error;
}
