/* SPDX-License-Identifier: Apache-2.0 */
/* Files: see files.h. */
#include "base/files.h"

static struct rlimit first; /* all zero until it was raised */

void files_raise_limit(void) {
  if (getrlimit(RLIMIT_NOFILE, &first) != 0) return;
  struct rlimit raised = {first.rlim_max, first.rlim_max};
  setrlimit(RLIMIT_NOFILE, &raised);
}

struct rlimit files_first_limit(void) {
  struct rlimit now = first;
  if (now.rlim_max == 0) getrlimit(RLIMIT_NOFILE, &now);
  return now;
}
