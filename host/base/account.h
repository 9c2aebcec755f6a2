/* SPDX-License-Identifier: Apache-2.0 */
/* Account: users and groups of this machine, and what the host itself may do. A lookup may
 * ask a name service and wait for it: for the loading of a script, not for a running loop.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One user. The texts live in [room]. */
struct account {
  const char *name, *home, *shell;
  uid_t uid;
  gid_t gid;
  char *room;
};

/* Finds a user by [name], or by [uid] when that is NULL; 0, UV_ENOENT when there is none,
 * or another negative libuv code. The caller frees it with account_clear(). Thread: any. */
int account_find(const char *name, uid_t uid, struct account *account);

/* Frees what account_find() gave. Thread: any. */
void account_clear(struct account *account);

/* Finds the id of a group by its name; 0 or a negative libuv code. Thread: any. */
int account_group(const char *name, gid_t *gid);

/* All groups of a user, [gid] among them, as initgroups() would set them; the caller frees
 * [*groups]. 0 or a negative libuv code. Thread: any. */
int account_groups(const char *name, gid_t gid, gid_t **groups, size_t *count);

/* Whether the host has an effective capability (CAP_SETUID, ...). Thread: any. */
bool account_may(int capability);
