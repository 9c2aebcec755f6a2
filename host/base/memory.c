/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: a lua_Alloc that counts. Nearly all that Lua asks for is small; that is cut from
 * slabs and goes back to a list of its size, which takes no header and no search. See
 * memory.h. */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Slabs are the kernel's: malloc would have it enlarge the arena of a thread page by page,
 * and what is not used yet of a slab takes no memory. */
enum { GRAIN = 16, SLAB_FIRST = 64 << 10, SLAB_MOST = 1 << 20 };

/* With MEMORY_PLAIN each block is malloc's own, so that a sanitizer sees it. */
#ifdef MEMORY_PLAIN
enum { SMALL = 0 };
#else
enum { SMALL = GRAIN * (MEMORY_CLASSES - 1) };
#endif

struct memory_block {
  struct memory_block *next;
};

struct memory_slab {
  struct memory_slab *next;
  size_t size;
};

_Static_assert(sizeof(struct memory_slab) % GRAIN == 0, "blocks are aligned");

static size_t class_of(size_t size) {
  return (size + GRAIN - 1) / GRAIN;
}

static void put(struct memory *mem, void *ptr, size_t class) {
  struct memory_block *block = ptr;
  block->next = mem->free[class];
  mem->free[class] = block;
}

/* What is left of the last slab is for smaller blocks. */
static bool map_slab(struct memory *mem, void *address, size_t size) {
  struct memory_slab *slab =
      mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (slab == MAP_FAILED) return false;
  if (mem->fresh_size >= GRAIN) put(mem, mem->fresh, mem->fresh_size / GRAIN);
  slab->size = size;
  slab->next = mem->slabs;
  mem->slabs = slab;
  mem->fresh = (char *)(slab + 1);
  mem->fresh_size = size - sizeof *slab;
  return true;
}

static bool add_slab(struct memory *mem) {
  size_t size = mem->slabs ? mem->slabs->size * 2 : SLAB_FIRST;
  if (mem->gathers) return false;
  return map_slab(mem, NULL, size < SLAB_MOST ? size : SLAB_MOST);
}

static void *take_fresh(struct memory *mem, size_t size) {
  if (mem->fresh_size < size && !add_slab(mem)) return NULL;
  char *fresh = mem->fresh;
  mem->fresh += size;
  mem->fresh_size -= size;
  return fresh;
}

static void *take(struct memory *mem, size_t size) {
  size_t class = class_of(size);
  if (size > SMALL) return mem->gathers ? take_fresh(mem, class * GRAIN) : malloc(size);
  struct memory_block *block = mem->free[class];
  if (!block) return take_fresh(mem, class * GRAIN);
  mem->free[class] = block->next;
  if (mem->gathers) memset(block, 0, class * GRAIN);
  return block;
}

static bool is_gathered(const struct memory *mem, const void *ptr) {
  return (const char *)ptr >= mem->gathered && (const char *)ptr < mem->gathered_end;
}

/* A large block becomes small ones. */
static void cut_up(struct memory *mem, char *ptr, size_t size) {
  for (; size > SMALL; ptr += SMALL, size -= SMALL) put(mem, ptr, class_of(SMALL));
  put(mem, ptr, class_of(size));
}

static void give(struct memory *mem, void *ptr, size_t size) {
  if (size <= SMALL) {
    if (ptr) put(mem, ptr, class_of(size));
  } else if (is_gathered(mem, ptr)) {
    cut_up(mem, ptr, size);
  } else {
    free(ptr);
  }
}

static void *move(struct memory *mem, void *ptr, size_t osize, size_t nsize) {
  bool is_large = osize > SMALL && nsize > SMALL;
  if (is_large && !is_gathered(mem, ptr)) return realloc(ptr, nsize);
  if (osize <= SMALL && class_of(osize) == class_of(nsize)) return ptr;
  void *moved = take(mem, nsize);
  if (!moved) return nsize < osize ? ptr : NULL; /* to become smaller never fails */
  memcpy(moved, ptr, osize < nsize ? osize : nsize);
  give(mem, ptr, osize);
  return moved;
}

static bool is_refused(const struct memory *mem, size_t more) {
  if (!mem->limit || !mem->guarded || mem->used + more <= mem->limit) return false;
  if (!mem->spares || mem->used + more > mem->limit + MEMORY_SLACK) return true;
  return !mem->spares(mem->context);
}

void *memory_alloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  struct memory *mem = ud;
  if (!ptr) osize = 0; /* Lua passes a type tag there, not a size */
  if (nsize == 0) {
    give(mem, ptr, osize);
    mem->used -= osize;
    return NULL;
  }
  if (nsize > osize && is_refused(mem, nsize - osize)) return NULL;
  void *grown = ptr ? move(mem, ptr, osize, nsize) : take(mem, nsize);
  if (!grown) return NULL;
  mem->used += nsize - osize;
  if (mem->used > mem->peak) mem->peak = mem->used;
  return grown;
}

void memory_release(struct memory *mem) {
  while (mem->slabs) {
    struct memory_slab *slab = mem->slabs;
    mem->slabs = slab->next;
    munmap(slab, slab->size);
  }
}

/* ---- in one piece ---- */

bool memory_gather(struct memory *mem, void *address, size_t size) {
  if (!SMALL || !map_slab(mem, address, size)) return false;
  mem->gathered = (char *)mem->slabs;
  mem->gathered_end = mem->gathered + size;
  mem->gathers = true;
  return true;
}

size_t memory_gathered(const struct memory *mem) {
  return (size_t)(mem->fresh - mem->gathered);
}

bool memory_copy(struct memory *copy, const struct memory *mem) {
  size_t used = memory_gathered(mem);
  *copy = (struct memory){.used = mem->used, .peak = mem->used};
  if (!map_slab(copy, NULL, (used / SLAB_FIRST + 2) * SLAB_FIRST)) return false;
  char *base = (char *)copy->slabs;
  size_t header = sizeof *copy->slabs;
  memcpy(base + header, mem->gathered + header, used - header);
  for (int class = 0; class < MEMORY_CLASSES; class ++) {
    char *first = (char *)mem->free[class];
    if (first) copy->free[class] = (void *)(base + (first - mem->gathered));
  }
  copy->gathered = base;
  copy->gathered_end = copy->fresh = base + used;
  copy->fresh_size = copy->slabs->size - used;
  return true;
}
