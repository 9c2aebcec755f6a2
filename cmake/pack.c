/* SPDX-License-Identifier: Apache-2.0 */
/* Pack: writes the compiled modules of lua/ into one C file (see host/base/embedded.h), each
 * deflated, by zopfli, with a dictionary that they share (see dictionary.c): they are short, and
 * much alike.
 *
 * usage: pack INPUT OUTPUT. INPUT holds for each module, sorted by name, ".NAME SIZE\n"
 * and then SIZE bytes. A tool of the build; it ends at the first thing that goes wrong. */
#include "dictionary.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zopfli/deflate.h>

enum { MODULES = 1000, NAME = 100, TEXT = 4 << 20, LINE = 32, DYNAMIC = 2 };

struct module {
  char name[NAME];
  size_t size;
  unsigned char *bytes;
  size_t name_at, packed_size; /* in what is written */
};

static unsigned char text[TEXT]; /* all modules, one after the other */
static size_t text_size, ends[MODULES];
static struct module modules[MODULES];
static size_t count;
static unsigned char dictionary[DICTIONARY];
static size_t dictionary_size;
static size_t written; /* bytes */

static void fail(const char *what) {
  fprintf(stderr, "pack: %s\n", what);
  exit(1);
}

static void read_modules(FILE *input) {
  while (fscanf(input, "%99s %zu", modules[count].name, &modules[count].size) == 2) {
    struct module *module = &modules[count];
    if (fgetc(input) != '\n') fail("no newline after a size");
    module->bytes = text + text_size;
    if (module->size > TEXT - text_size ||
        fread(module->bytes, 1, module->size, input) != module->size)
      fail("a module is cut short, or too long");
    ends[count] = text_size += module->size;
    if (++count == MODULES) fail("too many modules");
  }
}

/* Octal escapes are always three digits, so that a digit may follow. Returns where it is. */
static size_t write_literal(FILE *output, const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (i % LINE == 0) fputs(i ? "\"\n    \"" : "    \"", output);
    fprintf(output, "\\%03o", bytes[i]);
  }
  fputs("\"\n", output);
  written += size;
  return written - size;
}

/* Deflates the bytes from `start` on, which follow on what they may refer to. */
static unsigned char *pack(const unsigned char *bytes, size_t start, size_t end,
                           size_t *size) {
  ZopfliOptions options;
  unsigned char *packed = NULL, bits = 0;
  ZopfliInitOptions(&options);
  options.blocksplitting = 0; /* they are short: that takes long, and gains little */
  options.numiterations = 5;
  *size = 0;
  ZopfliDeflatePart(&options, DYNAMIC, 1, bytes, start, end, &bits, &packed, size);
  return packed;
}

/* With the dictionary before them, but for the dictionary itself. */
static unsigned char *pack_module(const struct module *module, size_t *size) {
  size_t start = module->bytes == dictionary ? 0 : dictionary_size;
  unsigned char *bytes = malloc(start + module->size);
  if (!bytes) fail("out of memory");
  memcpy(bytes, dictionary, start);
  memcpy(bytes + start, module->bytes, module->size);
  unsigned char *packed = pack(bytes, start, start + module->size, size);
  free(bytes);
  return packed;
}

/* Writes name and bytes. */
static void write_bytes(FILE *output, struct module *module) {
  unsigned char *packed = pack_module(module, &module->packed_size);
  module->name_at = /* without the point before it */
      write_literal(output, (unsigned char *)module->name + 1,
                    strlen(module->name + 1) + 1);
  write_literal(output, packed, module->packed_size);
  free(packed);
  if (module->size > UINT16_MAX || module->packed_size > UINT16_MAX)
    fail("a module is too long");
}

/* A struct embedded. */
static void write_entry(FILE *output, const struct module *module) {
  fprintf(output, "{%zu, %zu, %zu}", module->name_at, module->packed_size, module->size);
}

int main(int argc, char **argv) {
  FILE *input = argc == 3 ? fopen(argv[1], "rb") : NULL;
  FILE *output = input ? fopen(argv[2], "wb") : NULL;
  if (!output) fail("usage: pack INPUT OUTPUT");
  read_modules(input);
  if (count == 0) fail("no modules");
  dictionary_size = dictionary_choose(text, ends, count, dictionary);
  struct module first = {.name = ".", .size = dictionary_size, .bytes = dictionary};
  fputs("/* Written by cmake/pack.c. */\n#include \"base/embedded.h\"\n\n", output);
  fputs("const char embedded_bytes[] =\n", output);
  write_bytes(output, &first);
  for (size_t i = 0; i < count; i++) write_bytes(output, &modules[i]);
  fputs(";\n\nconst struct embedded embedded_dictionary = ", output);
  write_entry(output, &first);
  fputs(";\n\nconst struct embedded embedded_modules[] = {\n", output);
  for (size_t i = 0; i < count; i++) {
    fputs("  ", output);
    write_entry(output, &modules[i]);
    fputs(",\n", output);
  }
  fprintf(output, "};\n\nconst size_t embedded_count = %zu;\n", count);
  if (fclose(output) != 0) fail("cannot write");
  return 0;
}
