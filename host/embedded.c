/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded: see embedded.h. */
#include "embedded.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { RAW_DEFLATE = -15 };

static int compare(const void *name, const void *entry) {
  return strcmp(name, ((const struct embedded *)entry)->name);
}

const struct embedded *embedded_find(const char *name) {
  return bsearch(name, embedded_modules, embedded_count, sizeof *embedded_modules,
                 compare);
}

char *embedded_unpack(const struct embedded *module) {
  char *bytes = malloc(module->size);
  z_stream stream = {.next_in = (Bytef *)module->packed, /* zlib only reads it */
                     .avail_in = (uInt)module->packed_size,
                     .next_out = (Bytef *)bytes,
                     .avail_out = (uInt)module->size};
  if (!bytes || inflateInit2(&stream, RAW_DEFLATE) != Z_OK) goto fail;
  inflateSetDictionary(&stream, embedded_dictionary, (uInt)embedded_dictionary_size);
  int result = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (result == Z_STREAM_END) return bytes;
fail:
  free(bytes);
  return NULL;
}
