/* SPDX-License-Identifier: Apache-2.0 */
/* Pack: writes the compiled modules of lua/ into one C file (see host/base/embedded.h), each
 * deflated, by zopfli, with a dictionary that they share (see dictionary.c): they are short, and
 * much alike.
 *
 * usage: pack INPUT OUTPUT. INPUT holds for each module, sorted by name, "NAME SIZE\n"
 * and then SIZE bytes. A tool of the build; it ends at the first thing that goes wrong. */
#include "dictionary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zopfli/deflate.h>

enum { MODULES = 1000, NAME = 100, TEXT = 4 << 20, LINE = 32, DYNAMIC = 2 };

struct module {
  char name[NAME];
  size_t size;
  unsigned char *bytes;
};

static unsigned char text[TEXT]; /* all modules, one after the other */
static size_t text_size, ends[MODULES];
static struct module modules[MODULES];
static size_t count;
static unsigned char dictionary[DICTIONARY];
static size_t dictionary_size;

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

/* Octal escapes are always three digits, so that a digit may follow. */
static void write_literal(FILE *output, const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (i % LINE == 0) fputs(i ? "\"\n    \"" : "    \"", output);
    fprintf(output, "\\%03o", bytes[i]);
  }
  fputs(size ? "\"" : "    \"\"", output);
}

/* What is between the braces of a struct embedded: `bytes`, which follow what is to be deflated
 * with, from `start` on. */
static void write_packed(FILE *output, const char *name, const unsigned char *bytes,
                         size_t start, size_t end) {
  ZopfliOptions options;
  unsigned char *packed = NULL, bits = 0;
  size_t size = 0;
  ZopfliInitOptions(&options);
  options.blocksplitting = 0; /* they are short: that takes long, and gains little */
  options.numiterations = 5;
  ZopfliDeflatePart(&options, DYNAMIC, 1, bytes, start, end, &bits, &packed, &size);
  fprintf(output, "{\"%s\",\n", name);
  write_literal(output, packed, size);
  fprintf(output, ",\n   %zu, %zu}", size, end - start);
  free(packed);
}

/* A module, with the dictionary before it. */
static void write_module(FILE *output, const struct module *module) {
  unsigned char *bytes = malloc(dictionary_size + module->size);
  if (!bytes) fail("out of memory");
  memcpy(bytes, dictionary, dictionary_size);
  memcpy(bytes + dictionary_size, module->bytes, module->size);
  fputs("  ", output);
  write_packed(output, module->name, bytes, dictionary_size,
               dictionary_size + module->size);
  fputs(",\n", output);
  free(bytes);
}

int main(int argc, char **argv) {
  FILE *input = argc == 3 ? fopen(argv[1], "rb") : NULL;
  FILE *output = input ? fopen(argv[2], "wb") : NULL;
  if (!output) fail("usage: pack INPUT OUTPUT");
  read_modules(input);
  if (count == 0) fail("no modules");
  dictionary_size = dictionary_choose(text, ends, count, dictionary);
  fputs("/* Written by cmake/pack.c. */\n#include \"base/embedded.h\"\n\n", output);
  fputs("const struct embedded embedded_dictionary = ", output);
  write_packed(output, "", dictionary, 0, dictionary_size);
  fputs(";\n\nconst struct embedded embedded_modules[] = {\n", output);
  for (size_t i = 0; i < count; i++) write_module(output, &modules[i]);
  fprintf(output, "  {0, 0, 0, 0},\n};\n\nconst size_t embedded_count = %zu;\n", count);
  if (fclose(output) != 0) fail("cannot write");
  return 0;
}
