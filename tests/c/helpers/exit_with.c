/* SPDX-License-Identifier: Apache-2.0 */
/* exit_with CODE: prints a line and exits with that code. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  puts("last words");
  return argc > 1 ? atoi(argv[1]) : 0;
}
