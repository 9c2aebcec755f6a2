/* SPDX-License-Identifier: Apache-2.0 */
/* ignore_term: says "ready" and ends by SIGKILL only. */
#include <signal.h>
#include <unistd.h>

int main(void) {
  signal(SIGTERM, SIG_IGN);
  if (write(STDOUT_FILENO, "ready\n", 6) < 0) return 1;
  for (;;) pause();
}
