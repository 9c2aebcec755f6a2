/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: the counting allocator of one Lua state, with an optional limit.
 * Small blocks are cut from slabs that it owns, and are kept for the next of their size;
 * the others are malloc's. Belongs to the thread that runs the state. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { MEMORY_SLACK = 8 << 20 }; /* bytes beyond the limit */

enum {
  MEMORY_CLASSES = 33
}; /* sizes of small blocks: 16, 32, ... 512; [0] is nobody's */

struct memory_block;
struct memory_slab;

struct memory {
  size_t used;      /* bytes the state holds now */
  size_t peak;      /* the most it ever held */
  size_t limit;     /* bytes it may hold; 0 for no limit */
  unsigned guarded; /* calls under way that a refusal only ends; else it would be fatal */
  bool (*spares)(const void *context); /* NULL, or whether a refusal now would leave */
  const void *context;                 /* something half done: it gets some slack */
  struct memory_block *free[MEMORY_CLASSES];
  struct memory_slab *slabs; /* newest first */
  char *fresh;               /* what was not used yet of the newest */
  size_t fresh_size;
};

/* A lua_Alloc that counts into the struct memory passed as [ud]; growth past the limit
 * is refused while somebody guards against it, shrinking never is. Thread: the state's own. */
void *memory_alloc(void *ud, void *ptr, size_t osize, size_t nsize);

/* Gives the slabs back, when the state is closed. Thread: the state's own. */
void memory_release(struct memory *memory);
