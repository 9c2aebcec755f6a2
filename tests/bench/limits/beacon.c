/* SPDX-License-Identifier: Apache-2.0 */
/* beacon FIFO NUMBER [BYTES TOTAL]: the program that is supervised while its supervisor is
 * measured. Says "NUMBER PID NANOSECONDS" into the fifo as its first act, and keeps it open: who
 * reads it finds its end when all are gone. With BYTES it first writes TOTAL bytes to stdout,
 * so many at a time, and says how long that took in place of its pid. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* In lines of 64 bytes, as programs write them. */
static void say(size_t bytes, size_t total) {
  char *text = malloc(bytes);
  if (!text) exit(1);
  memset(text, 'x', bytes);
  for (size_t i = 63; i < bytes; i += 64) text[i] = '\n';
  for (size_t sent = 0; sent < total;) {
    ssize_t written = write(STDOUT_FILENO, text, bytes);
    if (written < 0) exit(1);
    sent += (size_t)written;
  }
  free(text);
}

int main(int argc, char **argv) {
  char line[64];
  if (argc < 3) return 2;
  int fd = open(argv[1], O_WRONLY);
  long long began = now_ns(), value = getpid();
  if (fd < 0) return 1;
  if (argc > 4) {
    say(strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    value = now_ns() - began;
  }
  int len = snprintf(line, sizeof line, "%s %lld %lld\n", argv[2], value, now_ns());
  if (write(fd, line, (size_t)len) != len) return 1;
  for (;;) pause();
}
