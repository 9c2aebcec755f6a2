/* SPDX-License-Identifier: Apache-2.0 */
/* Account: see account.h. Thread: any. */
#include "base/account.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FIRST_ROOM = 1024, MOST_ROOM = 16 * 1024 * 1024, FIRST_GROUPS = 32 };

/* Name services say "there is none" in many ways. */
static int error_of(int result, bool found) {
  if (found) return 0;
  bool none = result == 0 || result == ESRCH || result == EBADF || result == EPERM;
  return none ? -ENOENT : -result;
}

/* Replaces the room by a larger one. */
static int grow(char **room, size_t *size) {
  free(*room);
  *size = *size ? *size * 4 : FIRST_ROOM;
  *room = *size <= MOST_ROOM ? malloc(*size) : NULL;
  return *room ? 0 : -ENOMEM;
}

int account_find(const char *name, uid_t uid, struct account *account) {
  struct passwd entry, *found = NULL;
  size_t size = 0;
  int result = ERANGE, error = 0;
  *account = (struct account){0};
  while (result == ERANGE || result == EINTR) {
    error = grow(&account->room, &size);
    if (error) return error;
    result = name ? getpwnam_r(name, &entry, account->room, size, &found)
                  : getpwuid_r(uid, &entry, account->room, size, &found);
  }
  error = error_of(result, found != NULL);
  if (error) {
    account_clear(account);
    return error;
  }
  account->name = entry.pw_name;
  account->home = entry.pw_dir;
  account->shell = entry.pw_shell;
  account->uid = entry.pw_uid;
  account->gid = entry.pw_gid;
  return 0;
}

void account_clear(struct account *account) {
  free(account->room);
  *account = (struct account){0};
}

int account_group(const char *name, gid_t *gid) {
  struct group entry, *found = NULL;
  char *room = NULL;
  size_t size = 0;
  int result = ERANGE;
  while (result == ERANGE || result == EINTR) {
    int error = grow(&room, &size);
    if (error) return error;
    result = getgrnam_r(name, &entry, room, size, &found);
  }
  if (found) *gid = entry.gr_gid;
  free(room);
  return error_of(result, found != NULL);
}

int account_groups(const char *name, gid_t gid, gid_t **groups, size_t *count) {
  int room = FIRST_GROUPS, got;
  *groups = NULL;
  do {
    gid_t *larger = realloc(*groups, (size_t)room * sizeof **groups);
    if (!larger) {
      free(*groups);
      return -ENOMEM;
    }
    *groups = larger;
    got = room;
    room *= 4;
  } while (getgrouplist(name, gid, *groups, &got) < 0 && room <= NGROUPS_MAX * 4);
  *count = (size_t)got;
  return 0;
}

bool account_may(int capability) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
  if (syscall(SYS_capget, &header, data) != 0) return geteuid() == 0;
  return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}
