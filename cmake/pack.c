/* SPDX-License-Identifier: Apache-2.0 */
/* Pack: writes the compiled modules of lua/ into one C file (see host/base/embedded.h), each
 * deflated with a dictionary that they share: they are short, and much alike.
 *
 * usage: pack INPUT OUTPUT. INPUT holds for each module, sorted by name, "NAME SIZE\n"
 * and then SIZE bytes. A tool of the build; it ends at the first thing that goes wrong. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MODULES = 1000, NAME = 100, DICTIONARY = 32768, LINE = 32 };

struct module {
  char name[NAME];
  size_t size;
  unsigned char *bytes;
};

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
    module->bytes = malloc(module->size + 1);
    if (!module->bytes || fread(module->bytes, 1, module->size, input) != module->size)
      fail("a module is cut short");
    if (++count == MODULES) fail("too many modules");
  }
}

static size_t step(size_t sample) {
  return count / (DICTIONARY / sample) + 1;
}

static bool add_sample(const struct module *module, size_t sample) {
  size_t size = module->size < sample ? module->size : sample;
  if (dictionary_size + size > DICTIONARY) return false;
  memcpy(dictionary + dictionary_size, module->bytes, size);
  dictionary_size += size;
  return true;
}

/* The beginnings of modules from all over the library; then their neighbours', for what room
 * is left. */
static void fill_dictionary(size_t sample, size_t first) {
  dictionary_size = 0;
  for (size_t start = first; start <= first + 1; start++)
    for (size_t i = start; i < count; i += step(sample))
      if (!add_sample(&modules[i], sample)) return;
}

/* Octal escapes are always three digits, so that a digit may follow. */
static void write_literal(FILE *output, const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (i % LINE == 0) fputs(i ? "\"\n    \"" : "    \"", output);
    fprintf(output, "\\%03o", bytes[i]);
  }
  fputs(size ? "\"" : "    \"\"", output);
}

/* Deflates, without the dictionary where that is what is deflated. Returns owned. */
static unsigned char *deflated(unsigned char *bytes, size_t size, size_t *packed_size) {
  uLong room = compressBound(size);
  unsigned char *packed = malloc(room);
  z_stream stream = {.next_in = bytes, .avail_in = (uInt)size};
  if (!packed || deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    fail("out of memory");
  if (bytes != dictionary)
    deflateSetDictionary(&stream, dictionary, (uInt)dictionary_size);
  stream.next_out = packed;
  stream.avail_out = (uInt)room;
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) fail("cannot deflate");
  *packed_size = stream.total_out;
  deflateEnd(&stream);
  return packed;
}

static size_t size_of_all(void) {
  size_t all, size;
  free(deflated(dictionary, dictionary_size, &all));
  for (size_t i = 0; i < count; i++) {
    free(deflated(modules[i].bytes, modules[i].size, &size));
    all += size;
  }
  return all;
}

/* Which samples serve best is found by trying. */
static void choose_dictionary(void) {
  size_t best[2] = {0, 0}, least = SIZE_MAX;
  for (size_t sample = 1000; sample <= 1600; sample += 200)
    for (size_t first = 0; first < step(sample); first++) {
      fill_dictionary(sample, first);
      size_t size = size_of_all();
      if (size >= least) continue;
      least = size;
      best[0] = sample;
      best[1] = first;
    }
  fill_dictionary(best[0], best[1]);
}

/* What is between the braces of a struct embedded. */
static void write_packed(FILE *output, const char *name, unsigned char *bytes,
                         size_t size) {
  size_t packed_size;
  unsigned char *packed = deflated(bytes, size, &packed_size);
  fprintf(output, "{\"%s\",\n", name);
  write_literal(output, packed, packed_size);
  fprintf(output, ",\n   %zu, %zu}", packed_size, size);
  free(packed);
}

int main(int argc, char **argv) {
  FILE *input = argc == 3 ? fopen(argv[1], "rb") : NULL;
  FILE *output = input ? fopen(argv[2], "wb") : NULL;
  if (!output) fail("usage: pack INPUT OUTPUT");
  read_modules(input);
  choose_dictionary();
  fputs("/* Written by cmake/pack.c. */\n#include \"base/embedded.h\"\n\n", output);
  fputs("const struct embedded embedded_dictionary = ", output);
  write_packed(output, "", dictionary, dictionary_size);
  fputs(";\n\nconst struct embedded embedded_modules[] = {\n", output);
  for (size_t i = 0; i < count; i++) {
    fputs("  ", output);
    write_packed(output, modules[i].name, modules[i].bytes, modules[i].size);
    fputs(",\n", output);
  }
  fprintf(output, "  {0, 0, 0, 0},\n};\n\nconst size_t embedded_count = %zu;\n", count);
  if (fclose(output) != 0) fail("cannot write");
  return 0;
}
