/* SPDX-License-Identifier: Apache-2.0 */
/* Embedded: the Lua library, compiled, inside the binary.
 *
 * The build writes the table from lua/ (cmake/embed.lua), every module as bytecode with
 * its lines but without names of locals, which every guest would pay for; sorted by name
 * in the order of strcmp. It is constant and lives as long as the process.
 * Thread: any. */
#pragma once
#include <stddef.h>

/* One module: lua/a/b.lua is "luvisor.a.b", lua/init.lua is "luvisor". */
struct embedded {
  const char *name;
  const char *bytes; /* followed by a NUL that [size] does not count */
  size_t size;
};

extern const struct embedded embedded_modules[];
extern const size_t embedded_count;
