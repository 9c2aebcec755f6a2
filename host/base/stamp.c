/* SPDX-License-Identifier: Apache-2.0 */
/* Stamp: see stamp.h. */
#include "base/stamp.h"

#include <stdio.h>
#include <time.h>

void stamp_now(char text[STAMP_SIZE]) {
  struct timespec now;
  struct tm local;
  clock_gettime(CLOCK_REALTIME, &now);
  localtime_r(&now.tv_sec, &local);
  size_t len = strftime(text, STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &local);
  snprintf(text + len, STAMP_SIZE - len, ".%03u",
           (unsigned)(now.tv_nsec / 1000000) % 1000);
}

static time_t wall_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec;
}

size_t stamp_syslog(char *text, size_t size) {
  struct tm local;
  time_t now = wall_seconds();
  localtime_r(&now, &local);
  return strftime(text, size, "%b %e %H:%M:%S", &local);
}

uint64_t stamp_age(int64_t second) {
  int64_t age = (int64_t)wall_seconds() - second;
  return age > 0 ? (uint64_t)age : 0;
}
