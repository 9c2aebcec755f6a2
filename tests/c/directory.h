/* SPDX-License-Identifier: Apache-2.0 */
/* Directory: each test runs in one of its own. As setup and teardown, or called from them. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[32];

static inline int directory_enter(void **state) {
  (void)state;
  snprintf(directory, sizeof directory, "/tmp/luvisor-test.XXXXXX");
  return !mkdtemp(directory) || chdir(directory);
}

static inline int directory_leave(void **state) {
  char command[64];
  (void)state;
  snprintf(command, sizeof command, "rm -rf %s", directory);
  return chdir("/") || system(command);
}
