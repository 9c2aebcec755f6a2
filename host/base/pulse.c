/* SPDX-License-Identifier: Apache-2.0 */
/* Pulse: see pulse.h. Thread: any. */
#include "base/pulse.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int pulse_create(void) {
  int fd = memfd_create("luvisor-pulse", MFD_CLOEXEC);
  if (fd < 0) return -errno;
  if (ftruncate(fd, sizeof(struct pulse)) == 0) return fd;
  int error = -errno;
  close(fd);
  return error;
}

struct pulse *pulse_map(int fd) {
  int access = PROT_READ | PROT_WRITE;
  void *memory = mmap(NULL, sizeof(struct pulse), access, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void pulse_unmap(struct pulse *pulse) {
  if (pulse) munmap(pulse, sizeof *pulse);
}

uint64_t pulse_late(const struct pulse *pulse, unsigned *turn, unsigned *limit) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  uint64_t now = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
  uint64_t due = atomic_load(&pulse->due);
  *turn = atomic_load(&pulse->turn);
  *limit = atomic_load(&pulse->limit);
  uint64_t stalled = atomic_load(&pulse->stalled);
  if (!due && stalled) {
    *limit = PULSE_STALL;
    due = stalled;
  }
  return due && now > due ? now - due : 0;
}
