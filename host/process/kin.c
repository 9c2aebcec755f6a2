/* SPDX-License-Identifier: Apache-2.0 */
/* Kin: see kin.h. Thread: main. */
#include "process/kin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 4096 };

/* Calls [each] for the pids in [text], in decimal and each with a blank after it; what is
 * left over, the beginning of one, goes to the front. False when told to stop. */
static bool each_in(char *text, size_t *length, bool (*each)(void *data, pid_t pid),
                    void *data) {
  char *at = text, *blank;
  text[*length] = '\0';
  while ((blank = strchr(at, ' ')) != NULL) {
    pid_t pid = (pid_t)strtol(at, NULL, 10);
    at = blank + 1;
    if (pid > 0 && !each(data, pid)) return false;
  }
  *length -= (size_t)(at - text);
  memmove(text, at, *length);
  return true;
}

int kin_each(bool (*each)(void *data, pid_t pid), void *data) {
  char path[64], text[CHUNK + 1];
  size_t length = 0;
  ssize_t got;
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  while (length < CHUNK && (got = read(fd, text + length, CHUNK - length)) > 0) {
    length += (size_t)got;
    if (!each_in(text, &length, each, data)) break;
  }
  close(fd);
  return 0;
}

bool kin_inherits(void) {
  int is_subreaper = 0;
  if (getpid() == 1) return true;
  return prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper, 0, 0, 0) == 0 && is_subreaper;
}

struct search {
  const struct kin_owner *owner;
  pid_t session; /* the host's */
  pid_t *pids;
  size_t room, count;
};

bool kin_is_zombie(pid_t pid) {
  siginfo_t info = {0};
  int flags = WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD;
  return waitid(P_PID, (id_t)pid, &info, flags) == 0 && info.si_pid == pid;
}

static bool note_orphan(void *data, pid_t pid) {
  struct search *search = data;
  if (search->owner->owns && search->owner->owns(search->owner->data, pid)) return true;
  if (getsid(pid) == search->session || kin_is_zombie(pid)) return true;
  search->pids[search->count++] = pid;
  return search->count < search->room;
}

int kin_orphans(const struct kin_owner *owner, pid_t *pids, size_t room) {
  struct search search = {owner, getsid(0), pids, room, 0};
  int error = kin_each(note_orphan, &search);
  return error ? error : (int)search.count;
}

bool kin_has_orphans(const struct kin_owner *owner) {
  pid_t one;
  return kin_orphans(owner, &one, 1) != 0;
}
