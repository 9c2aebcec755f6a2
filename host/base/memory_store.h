/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an allocator, shared by memory.c (blocks) and memory_trim.c (pages that
 * hold none); nobody else includes it. Thread: the state's. */
#pragma once
#include <stdint.h>

#include "base/memory.h"

/* Slabs are the kernel's: malloc would have it enlarge the arena of a thread page by page,
 * and what is not used yet of a slab takes no memory. */
enum { PAGE = 4096, SLAB_FIRST = 64 << 10, SLAB_MOST = 1 << 20 };

/* Small blocks come in steps of a grain, those of a middle size in larger ones. */
enum { GRAIN = 16, FINE = 512, FINE_CLASSES = FINE / GRAIN, STEP = 64 };

/* With MEMORY_PLAIN each block is malloc's own, so that a sanitizer sees it. */
#ifdef MEMORY_PLAIN
enum { FEW = 0, SMALL = 0 };
#else
enum { FEW = FINE, SMALL = FINE + STEP * (MEMORY_CLASSES - 1 - FINE_CLASSES) };
#endif

enum { SLAB_PAGES = SLAB_MOST / PAGE, WORD = 64 };

struct memory_block {
  struct memory_block *next;
};

/* Beside what it describes, so that each of its pages can be free. */
struct memory_slab {
  struct memory_slab *next;
  char *base;
  size_t pages;
  uint64_t given[SLAB_PAGES / WORD]; /* the pages that the kernel has back: room */
};

static inline size_t memory_class_of_few(size_t size) {
  return (size + GRAIN - 1) / GRAIN;
}

static inline size_t memory_class(size_t size) {
  if (size <= FINE) return memory_class_of_few(size);
  return FINE_CLASSES + (size - FINE + STEP - 1) / STEP;
}

static inline size_t memory_class_size(size_t class) {
  if (class <= FINE_CLASSES) return class * GRAIN;
  return FINE + (class - FINE_CLASSES) * STEP;
}

static inline void memory_put(struct memory *mem, void *ptr, size_t class) {
  struct memory_block *block = ptr;
  block->next = mem->free[class];
  mem->free[class] = block;
}

static inline bool memory_is_given(const struct memory_slab *slab, size_t page) {
  return slab->given[page / WORD] >> page % WORD & 1;
}

/* Makes blocks of a free piece of a slab. */
void memory_put_piece(struct memory *mem, char *piece, size_t size);

/* A block of the class that a trim under way holds; NULL where it has none. */
void *memory_trim_take(struct memory *mem, size_t class);

/* Forgets a trim under way, with the blocks it holds: the slabs are gone. */
void memory_trim_drop(struct memory *mem);
