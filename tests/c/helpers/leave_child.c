/* SPDX-License-Identifier: Apache-2.0 */
/* leave_child now|term|stay [group|session|escape]: leaves behind a process that ignores
 * SIGTERM (silent, and without stdout) in its own group, in a group apart or in a session
 * apart. The leader then exits 7, at once or on SIGTERM, or stays. Says "ready". */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void end(int signal) {
  (void)signal;
  _exit(7);
}

static void survive(const char *where, int ready) {
  signal(SIGTERM, SIG_IGN);
  if (strcmp(where, "session") == 0) setpgid(0, 0);
  if (strcmp(where, "escape") == 0) setsid();
  int null = open("/dev/null", O_RDWR);
  dup2(null, STDOUT_FILENO);
  close(ready);
  for (;;) pause();
}

int main(int argc, char **argv) {
  char byte;
  int ready[2];
  if (argc < 2 || pipe(ready) < 0) return 1;
  signal(SIGTERM, end);
  if (fork() == 0) {
    close(ready[0]);
    survive(argc > 2 ? argv[2] : "group", ready[1]);
  }
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 0) return 1; /* the end of the pipe: it has survived */
  if (write(STDOUT_FILENO, "ready\n", 6) < 0) return 1;
  if (strcmp(argv[1], "now") == 0) return 7;
  if (strcmp(argv[1], "stay") == 0) signal(SIGTERM, SIG_IGN);
  for (;;) pause();
}
