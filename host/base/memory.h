/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: the counting allocator of one Lua state, with an optional limit.
 * Small blocks are cut from slabs that it owns, and are kept for the next of their size,
 * until pages of which nothing is in use are given back; the others are malloc's. Belongs
 * to the thread that runs the state.
 *
 * Or all of a state is gathered in one slab, which can be copied: what the copies take and
 * free afterwards is as anywhere else. */
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
  struct memory_trim *trim; /* under way, or NULL */
  char *gathered; /* where large blocks are not malloc's, up to gathered_end; or NULL */
  char *gathered_end;
  bool gathers; /* more of them are to lie there */
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

/* Has all of a state that is still to be made lie in one slab of [size] bytes, at [address]
 * if that is free; what does not fit is refused. What is taken is zero, even between
 * fields. False where it cannot be. */
bool memory_gather(struct memory *memory, void *address, size_t size);

/* Bytes from memory->gathered on that were ever in use. */
size_t memory_gathered(const struct memory *memory);

/* Makes [copy], which is new, one of [memory], all of which was gathered, with room for
 * more: the same bytes at the same distance from its own `gathered`. False when out of
 * memory. */
bool memory_copy(struct memory *copy, const struct memory *memory);
