/* SPDX-License-Identifier: Apache-2.0 */
/* Stamp: see stamp.h. */
#include "stamp.h"

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
