/* SPDX-License-Identifier: Apache-2.0 */
/* Mark: see mark.h. Thread: any. */
#include "process/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define PREFIX MARK_NAME "="

enum { PREFIX_LENGTH = sizeof PREFIX - 1, CHUNK = 8192, EXITING = 4 /* PF_EXITING */ };

/* The item that is being read, as far as there is room for it. */
struct item {
  char text[PREFIX_LENGTH + MARK_SIZE];
  size_t length;
  bool too_long;
};

static void item_add(struct item *item, const char *bytes, size_t len) {
  if (len > sizeof item->text - item->length) item->too_long = true;
  if (item->too_long) return;
  memcpy(item->text + item->length, bytes, len);
  item->length += len;
}

static bool item_is_mark(const struct item *item) {
  return !item->too_long && item->length >= PREFIX_LENGTH &&
         item->length < sizeof item->text &&
         memcmp(item->text, PREFIX, PREFIX_LENGTH) == 0;
}

static void item_take(const struct item *item, char mark[MARK_SIZE]) {
  size_t length = item->length - PREFIX_LENGTH;
  memcpy(mark, item->text + PREFIX_LENGTH, length);
  mark[length] = '\0';
}

/* Goes on through the items in [bytes]; true when the mark was among them. */
static bool scan(struct item *item, const char *bytes, size_t len, char mark[MARK_SIZE]) {
  for (const char *end; len > 0; len -= (size_t)(end + 1 - bytes), bytes = end + 1) {
    end = memchr(bytes, '\0', len);
    item_add(item, bytes, end ? (size_t)(end - bytes) : len);
    if (!end) return false;
    if (item_is_mark(item)) {
      item_take(item, mark);
      return true;
    }
    *item = (struct item){.length = 0};
  }
  return false;
}

/* One that ends has no environment any more before it is dead. */
static bool is_ending(pid_t pid) {
  char path[32], text[512], state = 'X', *at;
  unsigned flags = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  text[got > 0 ? got : 0] = '\0';
  at = strrchr(text, ')');
  if (!at || sscanf(at, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2) return false;
  return state != 'Z' && state != 'X' && (flags & EXITING);
}

int mark_read(pid_t pid, char mark[MARK_SIZE]) {
  char path[32], bytes[CHUNK];
  struct item item = {.length = 0};
  ssize_t got;
  bool found = false, empty = true;
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno != ESRCH && errno != ENOENT) return -errno;
  while (fd >= 0 && !found && (got = read(fd, bytes, sizeof bytes)) > 0) {
    found = scan(&item, bytes, (size_t)got, mark);
    empty = false;
  }
  if (fd >= 0) close(fd);
  if (found) return 0;
  return empty && is_ending(pid) ? UV_EAGAIN : UV_ENOENT;
}

const char *mark_of(char *const *environment) {
  for (; *environment; environment++)
    if (strncmp(*environment, PREFIX, PREFIX_LENGTH) == 0 &&
        strlen(*environment) - PREFIX_LENGTH < MARK_SIZE)
      return *environment + PREFIX_LENGTH;
  return NULL;
}
