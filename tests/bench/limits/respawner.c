/* SPDX-License-Identifier: Apache-2.0 */
/* respawner COUNT LOG BEACON FIFO [BYTES TOTAL]: what keeping programs alive costs at the least.
 * Spawns COUNT beacons, spawns again whoever dies, and on SIGTERM kills and reaps them all. With
 * a LOG other than "-" it copies the stdout of one beacon to that file, 64 KiB at a time, and
 * begins a new one after 1 MB, as those do whom it is compared with. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_SIZE = 1000000 };

extern char **environ;

static volatile sig_atomic_t is_over;
static pid_t pids[10000];

static void end(int signal) {
  (void)signal;
  is_over = 1;
}

static void start(size_t index, char **argv, int out) {
  char number[24];
  snprintf(number, sizeof number, "%zu", index);
  char *words[] = {argv[3], argv[4], number, argv[5], argv[5] ? argv[6] : NULL, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (out >= 0) posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  if (posix_spawn(&pids[index], argv[3], &actions, NULL, words, environ) != 0) exit(1);
  posix_spawn_file_actions_destroy(&actions);
}

static int begin_file(const char *path, int old) {
  char first[4096], second[4096];
  snprintf(first, sizeof first, "%s.1", path);
  snprintf(second, sizeof second, "%s.2", path);
  if (old >= 0) close(old);
  unlink(second); /* ext4 brings to the disk what replaces another */
  rename(first, second);
  rename(path, first);
  return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static void copy(int from, const char *path) {
  static char bytes[65536];
  int to = begin_file(path, -1);
  ssize_t got, size = 0;
  while (!is_over && (got = read(from, bytes, sizeof bytes)) > 0) {
    if (write(to, bytes, (size_t)got) < 0) exit(1);
    if ((size += got) < FILE_SIZE) continue;
    to = begin_file(path, to);
    size = 0;
  }
}

static void keep_alive(size_t count, char **argv) {
  while (!is_over) {
    pid_t dead = wait(NULL);
    for (size_t i = 0; i < count && dead > 0 && !is_over; i++)
      if (pids[i] == dead) start(i, argv, -1);
  }
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_handler = end};
  int ends[2] = {-1, -1};
  if (argc < 5) return 2;
  size_t count = strtoul(argv[1], NULL, 10);
  sigaction(SIGTERM, &action, NULL);
  if (strcmp(argv[2], "-") != 0 && pipe2(ends, O_CLOEXEC) < 0) return 1;
  for (size_t i = 0; i < count && i < sizeof pids / sizeof *pids; i++)
    start(i, argv, ends[1]);
  if (ends[0] >= 0) copy(ends[0], argv[2]);
  keep_alive(count, argv);
  for (size_t i = 0; i < count; i++) kill(pids[i], SIGTERM);
  for (size_t i = 0; i < count; i++) waitpid(pids[i], NULL, 0);
  return 0;
}
