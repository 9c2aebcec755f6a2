/* SPDX-License-Identifier: Apache-2.0 */
/* Gather: a state whose memory lies in one piece, and copies of it. See memory.h. */
#include <string.h>

#include "base/memory_store.h"

bool memory_gather(struct memory *mem, void *address, size_t size) {
  if (!SMALL || !memory_add_slab(mem, address, size)) return false;
  mem->gathered = mem->slabs->base;
  mem->gathered_end = mem->gathered + size;
  mem->gathers = true;
  return true;
}

size_t memory_gathered(const struct memory *mem) {
  return (size_t)(mem->fresh - mem->gathered);
}

/* A slab that has as many pages again as it needs. */
static size_t room_for(size_t used) {
  size_t size = (used / SLAB_FIRST + 1) * SLAB_FIRST * 2;
  return size < SLAB_MOST ? size : SLAB_MOST;
}

static void copy_lists(struct memory *copy, const struct memory *mem) {
  for (int class = 0; class < MEMORY_CLASSES; class ++) {
    char *first = (char *)mem->free[class];
    if (first) copy->free[class] = (void *)(copy->gathered + (first - mem->gathered));
  }
}

bool memory_copy(struct memory *copy, const struct memory *mem) {
  size_t used = memory_gathered(mem);
  *copy = (struct memory){.used = mem->used, .peak = mem->used};
  if (!memory_add_slab(copy, NULL, room_for(used))) return false;
  copy->gathered = copy->fresh;
  copy->gathered_end = copy->fresh += used;
  copy->fresh_size -= used;
  memcpy(copy->gathered, mem->gathered, used);
  copy_lists(copy, mem);
  return true;
}
