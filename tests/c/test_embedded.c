/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded: a module is the same from the shelf of another process as unpacked here, and
 * what is no shelf of this binary is left alone. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/embedded.h"

static const char there[] = "luvisor.core.exit", elsewhere[] = "luvisor.core.copy";

static int shelve(void) {
  const struct embedded *modules[] = {embedded_find(there), embedded_find("luvisor.no")};
  int fd = embedded_shelve(modules, 2);
  assert_true(fd >= 0);
  return fd;
}

static void another_binarys_is_of_no_use(void **state) {
  (void)state;
  char image[1 << 16];
  int fd = shelve(), other = memfd_create("other", MFD_CLOEXEC);
  ssize_t size = pread(fd, image, sizeof image, 0);
  image[0] ^= 1;
  assert_int_equal(write(other, image, (size_t)size), size);
  embedded_use_shelf(other);
  assert_null(embedded_on_shelf(embedded_find(there)));
  image[0] ^= 1; /* control arm: nothing else is wrong with it */
  assert_int_equal(pwrite(other, image, (size_t)size, 0), size);
  embedded_use_shelf(other);
  assert_non_null(embedded_on_shelf(embedded_find(there)));
  close(other);
  close(fd);
}

static void nobody_writes_on_it(void **state) {
  (void)state;
  int fd = shelve();
  assert_int_equal(pwrite(fd, "x", 1, 0), -1);
  assert_int_equal(ftruncate(fd, 0), -1);
  close(fd);
}

/* A sealed file that is mapped as shared is refused by older kernels. */
static void is_mapped_as_every_kernel_does(void **state) {
  (void)state;
  char line[512], found[512] = "";
  int fd = shelve();
  embedded_use_shelf(fd);
  close(fd);
  FILE *maps = fopen("/proc/self/maps", "r");
  assert_non_null(maps);
  while (fgets(line, sizeof line, maps))
    if (strstr(line, "luvisor-shelf")) memcpy(found, line, sizeof line);
  fclose(maps);
  assert_non_null(strstr(found, " r--p "));
}

static void modules_are_as_unpacked(void **state) {
  (void)state;
  const struct embedded *module = embedded_find(there), *other = embedded_find(elsewhere);
  char *own = malloc(module->size);
  assert_non_null(own);
  const char *bytes = embedded_unpack(module);
  assert_ptr_not_equal(bytes, embedded_on_shelf(module));
  memcpy(own, bytes, module->size);
  embedded_release(module, bytes);
  int fd = shelve();
  embedded_use_shelf(fd);
  close(fd);
  bytes = embedded_unpack(module);
  assert_ptr_equal(bytes, embedded_on_shelf(module));
  assert_memory_equal(bytes, own, module->size);
  embedded_release(module, bytes);
  free(own);
  assert_null(embedded_on_shelf(other));
  bytes = embedded_unpack(other);
  assert_non_null(bytes);
  embedded_release(other, bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(modules_are_as_unpacked),
      cmocka_unit_test(another_binarys_is_of_no_use),
      cmocka_unit_test(nobody_writes_on_it),
      cmocka_unit_test(is_mapped_as_every_kernel_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
