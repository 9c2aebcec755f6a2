/* SPDX-License-Identifier: Apache-2.0 */
/* Lock: a file that one process at a time can hold, and that says who does.
 * The kernel lets go of it when its holder dies, however that happens; the file stays, for
 * whoever removes a file that others may be opening breaks their lock. Thread: any. */
#pragma once
#include <sys/types.h>

/* Takes the lock at [path] and writes the own pid into it; returns an owned fd, whose
 * closing lets go of it, or a negative libuv code: UV_EBUSY when somebody else has it,
 * [holder] being their pid, or 0. A symbolic link is refused. */
int lock_take(const char *path, pid_t *holder);
