/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: a lua_Alloc that counts. Nearly all that Lua asks for is small; that is cut from
 * slabs and goes back to a list of its size, which takes no header and no search. See
 * memory.h. */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory_store.h"

void memory_put_piece(struct memory *mem, char *piece, size_t size) {
  while (size >= GRAIN) {
    size_t class = memory_class(size);
    if (class >= MEMORY_CLASSES) class = MEMORY_CLASSES - 1;
    if (memory_class_size(class) > size) class --;
    size_t part = memory_class_size(class);
    memory_put(mem, piece, class);
    piece += part;
    size -= part;
  }
}

/* What is left of the room before is for smaller blocks. */
static void set_fresh(struct memory *mem, char *room, size_t size) {
  memory_put_piece(mem, mem->fresh, mem->fresh_size);
  mem->fresh = room;
  mem->fresh_size = size;
}

static bool map_slab(struct memory *mem, size_t size) {
  struct memory_slab *slab = calloc(1, sizeof *slab);
  if (!slab) return false;
  slab->base =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (slab->base == MAP_FAILED) {
    free(slab);
    return false;
  }
  slab->pages = size / PAGE;
  slab->next = mem->slabs;
  mem->slabs = slab;
  mem->pages += slab->pages;
  set_fresh(mem, slab->base, size);
  return true;
}

static bool add_slab(struct memory *mem) {
  size_t size = mem->slabs ? mem->slabs->pages * PAGE * 2 : SLAB_FIRST;
  return map_slab(mem, size < SLAB_MOST ? size : SLAB_MOST);
}

static size_t next_given(const struct memory_slab *slab, size_t page) {
  while (page < slab->pages && !memory_is_given(slab, page)) page++;
  return page;
}

/* The oldest slab that has such pages: one of the newer may become free altogether. */
static struct memory_slab *slab_with_room(const struct memory *mem) {
  struct memory_slab *found = NULL;
  for (struct memory_slab *slab = mem->slabs; slab; slab = slab->next)
    if (next_given(slab, 0) < slab->pages) found = slab;
  return found;
}

/* Uses pages again that were given back. */
static bool take_room(struct memory *mem) {
  struct memory_slab *slab = mem->given ? slab_with_room(mem) : NULL;
  if (!slab) return false;
  size_t first = next_given(slab, 0), end = first;
  for (; end < slab->pages && memory_is_given(slab, end); end++)
    slab->given[end / WORD] &= ~(UINT64_C(1) << end % WORD);
  mem->given -= end - first;
  set_fresh(mem, slab->base + first * PAGE, (end - first) * PAGE);
  return true;
}

static void *take_fresh(struct memory *mem, size_t class) {
  void *held = mem->trim ? memory_trim_take(mem, class) : NULL;
  if (held) return held;
  size_t size = memory_class_size(class);
  if (mem->fresh_size < size && !take_room(mem) && !add_slab(mem)) return NULL;
  char *fresh = mem->fresh;
  mem->fresh += size;
  mem->fresh_size -= size;
  return fresh;
}

static void *take_block(struct memory *mem, size_t class) {
  struct memory_block *block = mem->free[class];
  if (!block) return take_fresh(mem, class);
  mem->free[class] = block->next;
  return block;
}

static void *take_more(struct memory *mem, size_t size) {
  if (size <= SMALL) return take_block(mem, memory_class(size));
  void *taken = malloc(size);
  if (taken) mem->large += size;
  return taken;
}

static void *take(struct memory *mem, size_t size) {
  return size <= FEW ? take_block(mem, memory_class_of_few(size)) : take_more(mem, size);
}

static bool is_within(const void *ptr, const char *base, size_t size) {
  return (uintptr_t)ptr - (uintptr_t)base < size;
}

static bool is_shared(const struct memory *mem, const void *ptr) {
  return is_within(ptr, mem->image.shared, mem->image.shared_size);
}

static bool is_poured(const struct memory *mem, const void *ptr) {
  return is_within(ptr, mem->poured, mem->image.size);
}

static void give_more(struct memory *mem, void *ptr, size_t size) {
  if (size <= SMALL) {
    memory_put(mem, ptr, memory_class(size));
    return;
  }
  if (is_poured(mem, ptr)) {
    memory_put_piece(mem, ptr, memory_room(size));
    return;
  }
  mem->large -= size;
  free(ptr);
}

static void give(struct memory *mem, void *ptr, size_t size) {
  if (is_shared(mem, ptr))
    mem->large -= size;
  else if (size > FEW)
    give_more(mem, ptr, size);
  else if (ptr)
    memory_put(mem, ptr, memory_class_of_few(size));
}

static void *move_large(struct memory *mem, void *ptr, size_t osize, size_t nsize) {
  void *moved = realloc(ptr, nsize);
  if (moved) mem->large += nsize - osize;
  return moved;
}

static void *move(struct memory *mem, void *ptr, size_t osize, size_t nsize) {
  if (osize > SMALL && nsize > SMALL && !is_poured(mem, ptr))
    return move_large(mem, ptr, osize, nsize);
  if (osize <= SMALL && memory_class(osize) == memory_class(nsize)) return ptr;
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
  memory_trim_drop(mem);
  while (mem->slabs) {
    struct memory_slab *slab = mem->slabs;
    mem->slabs = slab->next;
    munmap(slab->base, slab->pages * PAGE);
    free(slab);
  }
}

/* ---- pouring ---- */

size_t memory_room(size_t size) {
  if (size <= SMALL) return memory_class_size(memory_class(size));
  return (size + GRAIN - 1) / GRAIN * GRAIN;
}

/* A slab that has as much room again. */
bool memory_pour(struct memory *mem, const struct memory_image *image) {
  size_t size = (image->size / SLAB_FIRST + 1) * SLAB_FIRST * 2;
  *mem = (struct memory){.image = *image, .used = image->used, .peak = image->used};
  if (!SMALL || image->size > SLAB_MOST ||
      !map_slab(mem, size < SLAB_MOST ? size : SLAB_MOST))
    return false;
  mem->large = image->shared_used;
  mem->poured = mem->fresh;
  madvise(mem->poured, image->size, MADV_POPULATE_WRITE); /* all at once, if it can */
  memcpy(mem->poured, image->bytes, image->size);
  mem->fresh += image->size;
  mem->fresh_size -= image->size;
  return true;
}
