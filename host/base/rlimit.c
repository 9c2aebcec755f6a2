/* SPDX-License-Identifier: Apache-2.0 */
/* Rlimit: see rlimit.h. Thread: any. */
#include "base/rlimit.h"

#include <errno.h>
#include <string.h>

static const char *const names[RLIM_NLIMITS] = {
    [RLIMIT_AS] = "as",
    [RLIMIT_CORE] = "core",
    [RLIMIT_CPU] = "cpu",
    [RLIMIT_DATA] = "data",
    [RLIMIT_FSIZE] = "fsize",
    [RLIMIT_LOCKS] = "locks",
    [RLIMIT_MEMLOCK] = "memlock",
    [RLIMIT_MSGQUEUE] = "msgqueue",
    [RLIMIT_NICE] = "nice",
    [RLIMIT_NOFILE] = "nofile",
    [RLIMIT_NPROC] = "nproc",
    [RLIMIT_RSS] = "rss",
    [RLIMIT_RTPRIO] = "rtprio",
    [RLIMIT_RTTIME] = "rttime",
    [RLIMIT_SIGPENDING] = "sigpending",
    [RLIMIT_STACK] = "stack",
};

const char *rlimit_name(int resource) {
  return resource >= 0 && resource < RLIM_NLIMITS ? names[resource] : NULL;
}

int rlimit_resource(const char *name) {
  for (int i = 0; i < RLIM_NLIMITS; i++)
    if (names[i] && strcmp(names[i], name) == 0) return i;
  return -EINVAL;
}
