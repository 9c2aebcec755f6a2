/* SPDX-License-Identifier: Apache-2.0 */
/* Launching: what the tests of launch, child and reaper share. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "directory.h"
#include "process/launch.h"

#define HELPER(name) HELPERS_DIR "/" name
#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})

extern char **environ;

/* Enters a directory with a copy of the report helper that everybody may run: this checkout may
 * lie below /root. */
static inline int directory_with_reporter(void **state) {
  return directory_enter(state) || chmod(directory, 0755) ||
         system("cp " HELPER("report") " .");
}

static inline char *reporter(void) {
  static char path[sizeof directory + 8];
  snprintf(path, sizeof path, "%s/report", directory);
  return path;
}

/* The spec of a program whose stdout is [fd]. */
static inline struct launch_spec spec_of(char *const *argv, int fd) {
  struct launch_spec spec;
  launch_spec_init(&spec);
  spec.argv = argv;
  spec.envp = environ;
  spec.stdio[1] = fd;
  return spec;
}

/* Reads [fd] up to its end, or up to the first line end when [line]. */
static inline char *slurp(int fd, bool line) {
  static char text[65536];
  size_t len = 0;
  ssize_t got;
  while (len < sizeof text - 1 && (got = read(fd, text + len, line ? 1 : 4096)) > 0) {
    len += (size_t)got;
    if (line && text[len - 1] == '\n') break;
  }
  text[len] = '\0';
  return text;
}

static inline bool under_valgrind(void) {
  const char *preload = getenv("LD_PRELOAD");
  return preload && strstr(preload, "vgpreload");
}

static inline uint64_t now_ms(void) {
  return uv_hrtime() / 1000000;
}

/* Turns the loop until [done], at most [ms]; returns whether it is. */
static inline bool run_until(uv_loop_t *loop, const bool *done, unsigned ms) {
  uint64_t until = now_ms() + ms;
  while (!*done && now_ms() < until) {
    uv_run(loop, UV_RUN_NOWAIT);
    usleep(200);
  }
  return *done;
}

/* Turns the loop for [ms]. */
static inline void run_for(uv_loop_t *loop, unsigned ms) {
  bool never = false;
  run_until(loop, &never, ms);
}

/* Closes the loop, which may have nothing open any more. */
static inline void close_loop(uv_loop_t *loop) {
  uv_run(loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(loop), 0);
}

static inline bool lives(pid_t pid) {
  char path[64], state = 'X';
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *stat = fopen(path, "r");
  if (!stat) return false;
  if (fscanf(stat, "%*d %*[^)]) %c", &state) != 1) state = 'X';
  fclose(stat);
  return state != 'Z' && state != 'X';
}
