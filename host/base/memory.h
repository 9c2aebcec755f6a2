/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: the counting allocator of one Lua state, with an optional limit.
 * Small blocks are cut from slabs that it owns, and are kept for the next of their size,
 * until pages of which nothing is in use are given back; the others are malloc's. Belongs
 * to the thread that runs the state.
 *
 * A state may begin with an image of another: blocks that are its own from then on, and
 * some that all who were poured from it share, and nobody writes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { MEMORY_SLACK = 8 << 20 }; /* bytes beyond the limit */

enum {
  MEMORY_CLASSES = 57
}; /* sizes of small blocks: 16, 32, ... 512, 576, ... 2048; [0] is nobody's */

struct memory_block;
struct memory_slab;
struct memory_trim;

struct memory_image {
  const char *bytes; /* blocks of which each takes memory_room */
  size_t size;
  const char *shared; /* blocks that are not copied */
  size_t shared_size;
  size_t used, shared_used; /* bytes that the state holds, and of these, of the shared */
};

struct memory {
  size_t used;      /* bytes the state holds now */
  size_t peak;      /* the most it ever held */
  size_t limit;     /* bytes it may hold; 0 for no limit */
  unsigned guarded; /* calls under way that a refusal only ends; else it would be fatal */
  bool (*spares)(const void *context); /* NULL, or whether a refusal now would leave */
  const void *context;                 /* something half done: it gets some slack */
  struct memory_block *free[MEMORY_CLASSES];
  struct memory_slab *slabs; /* newest first */
  size_t pages, given;       /* of the slabs; of these, that the kernel has back */
  size_t large;              /* bytes of [used] that are malloc's */
  char *fresh;               /* what was not used yet of a slab, or of its pages again */
  size_t fresh_size;
  struct memory_trim *trim;  /* under way, or NULL */
  struct memory_image image; /* that it was poured from, or empty */
  char *poured;              /* where it lies */
};

/* A lua_Alloc that counts into the struct memory passed as [ud]; growth past the limit
 * is refused while somebody guards against it, shrinking never is. Thread: the state's own. */
void *memory_alloc(void *ud, void *ptr, size_t osize, size_t nsize);

/* Gives those pages of the slabs back to the kernel of which nothing is in use, or goes on
 * with that: looks at [work] free blocks, which takes some 100 ns each. Returns whether
 * nothing of it is left to do. The room is used again before there is a new slab.
 * Thread: the state's own. */
bool memory_trim(struct memory *memory, size_t work);

/* Bytes of the slabs that are not in use, what is rounded up included; the kernel has given
 * memory for them. Thread: the state's own. */
size_t memory_spare(const struct memory *memory);

/* Gives the slabs back, when the state is closed. Thread: the state's own. */
void memory_release(struct memory *memory);

/* How much of an image a block of [size] bytes takes. */
size_t memory_room(size_t size);

/* Makes [memory] a new one that begins with a copy of the image, at memory->poured. False
 * when out of memory, or where each block is malloc's. Thread: the state's own. */
bool memory_pour(struct memory *memory, const struct memory_image *image);
