/* SPDX-License-Identifier: Apache-2.0 */
/* orphans N: leaves N processes that end at once, most of them after it. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1;
  for (int i = 0; i < count; i++)
    if (fork() == 0) {
      usleep(1000);
      _exit(0);
    }
  return 0;
}
