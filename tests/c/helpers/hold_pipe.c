/* SPDX-License-Identifier: Apache-2.0 */
/* hold_pipe: prints a partial line, leaves a process in a session of its own that keeps
 * stdout open for 3 s, and exits. */
#include <unistd.h>

int main(void) {
  if (write(STDOUT_FILENO, "partial", 7) < 0) return 1;
  if (fork() == 0) {
    setsid();
    sleep(3);
  }
  return 0;
}
