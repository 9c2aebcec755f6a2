/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded: the Lua library, compiled, inside the binary.
 *
 * The build writes the table from lua/ (cmake/embed.lua, cmake/pack.c), every module as
 * bytecode with its lines but without names of locals, which every guest would pay for,
 * deflated. It is constant and lives as long as the process. Thread: any. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The most that a dictionary may have: deflate looks back no further. */
enum { EMBEDDED_DICTIONARY = 32768 };

/* One module: where its name begins among embedded_bytes, which takes no relocation; what it is
 * packed into follows on that. lua/a/b.lua is "a.b", lua/init.lua "". */
struct embedded {
  uint32_t name;
  uint16_t packed_size;
  uint16_t size; /* unpacked */
};

extern const char embedded_bytes[];

/* Sorted by name in the order of strcmp. */
extern const struct embedded embedded_modules[];
extern const size_t embedded_count;

/* What the modules were deflated with, itself deflated. */
extern const struct embedded embedded_dictionary;

/* The module that is required as "luvisor.a.b", or as "luvisor"; NULL when there is none. */
const struct embedded *embedded_find(const char *name);

/* The module's bytecode; NULL when out of memory. To be released as soon as it is loaded. */
const char *embedded_unpack(const struct embedded *module);
void embedded_release(const struct embedded *module, const char *bytes);

/* Unpacks [modules], of which those that are NULL are left out, into a file that processes
 * of this binary may read. Returns its fd, owned, or a libuv code. */
int embedded_shelve(const struct embedded *const modules[], size_t count);

/* Takes modules from such a file, which stays mapped; a file of another binary is of no
 * use. To be called before there are threads. */
void embedded_use_shelf(int fd);

/* The module's bytecode there, NULL where it is not. */
const char *embedded_on_shelf(const struct embedded *module);

/* Has what is unpacked from now on kept for the next who asks: there are threads, which all
 * load the same. */
void embedded_keep(void);
