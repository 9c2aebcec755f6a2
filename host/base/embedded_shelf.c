/* SPDX-License-Identifier: Apache-2.0 */
/* Shelf: modules unpacked once for all processes that a host starts, see embedded.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/embedded.h"

/* What the file begins with: where each module is, 0 for those that are not there. */
struct shelf {
  uint64_t stamp;
  uint32_t at[];
};

static const struct shelf *shelf;

/* Another binary's modules are not like these. */
static uint64_t stamp(void) {
  uLong sum = crc32(0, (const Bytef *)embedded_modules,
                    (uInt)(embedded_count * sizeof *embedded_modules));
  return (uint64_t)sum << 32 | embedded_count;
}

static size_t head_size(void) {
  return sizeof(struct shelf) + embedded_count * sizeof(uint32_t);
}

static size_t whole_size(const struct embedded *const modules[], size_t count) {
  size_t size = head_size();
  for (size_t i = 0; i < count; i++) size += modules[i] ? modules[i]->size : 0;
  return size;
}

/* One that cannot be unpacked is left out. */
static void fill(struct shelf *image, const struct embedded *const modules[],
                 size_t count) {
  size_t end = head_size();
  image->stamp = stamp();
  for (size_t i = 0; i < count; i++) {
    const char *bytes = modules[i] ? embedded_unpack(modules[i]) : NULL;
    if (!bytes) continue;
    memcpy((char *)image + end, bytes, modules[i]->size);
    image->at[modules[i] - embedded_modules] = (uint32_t)end;
    end += modules[i]->size;
    embedded_release(modules[i], bytes);
  }
}

/* Nobody can change it any more, or make it shorter under those who read. */
static bool write_sealed(int fd, const void *image, size_t size) {
  const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  return write(fd, image, size) == (ssize_t)size && fcntl(fd, F_ADD_SEALS, seals) == 0;
}

/* The file comes first: where there is none nothing is unpacked in vain at each start. */
int embedded_shelve(const struct embedded *const modules[], size_t count) {
  int fd = memfd_create("luvisor-shelf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  size_t size = whole_size(modules, count);
  struct shelf *image = calloc(1, size);
  if (image) fill(image, modules, count);
  bool made = image && write_sealed(fd, image, size);
  free(image);
  if (made) return fd;
  close(fd);
  return -EIO;
}

/* Private: before Linux 6.7 a sealed file cannot be mapped as shared by who may write to its
 * descriptor, not even to read. */
void embedded_use_shelf(int fd) {
  struct stat status;
  if (fstat(fd, &status) < 0 || (size_t)status.st_size < head_size()) return;
  void *file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (file == MAP_FAILED) return;
  shelf = file;
  if (shelf->stamp == stamp()) return;
  shelf = NULL;
  munmap(file, (size_t)status.st_size);
}

const char *embedded_on_shelf(const struct embedded *module) {
  uint32_t at = shelf ? shelf->at[module - embedded_modules] : 0;
  return at ? (const char *)shelf + at : NULL;
}
