/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded: see embedded.h. */
#include "base/embedded.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { RAW_DEFLATE = -15 };

static unsigned char dictionary[EMBEDDED_DICTIONARY];
static pthread_once_t dictionary_once = PTHREAD_ONCE_INIT;
static bool has_dictionary; /* without memory for it when it was needed first: never */

/* Of each module the bytecode that is kept, or NULL; itself NULL while nothing is. */
static _Atomic(char *) *_Atomic kept;

static int compare(const void *name, const void *entry) {
  return strcmp(name, embedded_bytes + ((const struct embedded *)entry)->name);
}

const struct embedded *embedded_find(const char *name) {
  name += strlen("luvisor");
  if (*name == '.') name++;
  return bsearch(name, embedded_modules, embedded_count, sizeof *embedded_modules,
                 compare);
}

static bool unpack(const struct embedded *module, char *bytes) {
  const char *name = embedded_bytes + module->name;
  z_stream stream = {.next_in = (Bytef *)name + strlen(name) + 1, /* only read */
                     .avail_in = (uInt)module->packed_size,
                     .next_out = (Bytef *)bytes,
                     .avail_out = (uInt)module->size};
  if (inflateInit2(&stream, RAW_DEFLATE) != Z_OK) return false;
  if (module != &embedded_dictionary)
    inflateSetDictionary(&stream, dictionary, (uInt)embedded_dictionary.size);
  int result = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return result == Z_STREAM_END;
}

static void unpack_dictionary(void) {
  has_dictionary = unpack(&embedded_dictionary, (char *)dictionary);
}

static char *inflate_module(const struct embedded *module) {
  pthread_once(&dictionary_once, unpack_dictionary);
  if (!has_dictionary) return NULL;
  char *bytes = malloc(module->size);
  if (bytes && unpack(module, bytes)) return bytes;
  free(bytes);
  return NULL;
}

void embedded_keep(void) {
  _Atomic(char *) *none = NULL, *list;
  if (atomic_load(&kept)) return;
  list = calloc(embedded_count, sizeof *list);
  if (!atomic_compare_exchange_strong(&kept, &none, list)) free(list);
}

static _Atomic(char *) *place_of(const struct embedded *module) {
  _Atomic(char *) *list = atomic_load(&kept);
  return list ? &list[module - embedded_modules] : NULL;
}

const char *embedded_unpack(const struct embedded *module) {
  const char *there = embedded_on_shelf(module);
  if (there) return there;
  _Atomic(char *) *place = place_of(module);
  char *known = place ? atomic_load(place) : NULL, *none = NULL;
  if (known) return known;
  char *bytes = inflate_module(module);
  if (bytes && place) atomic_compare_exchange_strong(place, &none, bytes);
  return bytes;
}

void embedded_release(const struct embedded *module, const char *bytes) {
  _Atomic(char *) *place = place_of(module);
  if (bytes == embedded_on_shelf(module)) return;
  if (!place || atomic_load(place) != bytes) free((char *)bytes);
}
