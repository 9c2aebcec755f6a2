/* SPDX-License-Identifier: Apache-2.0 */
/* Trim: gives pages of which nothing is in use back to the kernel, in three passes, each of
 * which can be left and gone on with: what is free is counted for each page; of the free
 * blocks those are kept of which the page is used; the others' pages are given back. See
 * memory.h. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory_store.h"

struct span {
  char *base;
  size_t pages;
  struct memory_slab *slab;
  uint16_t *counts; /* bytes free of each page */
};

struct memory_trim {
  size_t (*pass)(struct memory *mem, struct memory_trim *trim);
  size_t class;
  struct memory_block *todo; /* of this class, not counted yet */
  struct memory_block *held[MEMORY_CLASSES];
  const struct span *last; /* that was looked for */
  size_t at, count;
  struct span spans[]; /* by address; then their counts */
};

static size_t count_one(struct memory *mem, struct memory_trim *trim);
static size_t settle_one(struct memory *mem, struct memory_trim *trim);
static size_t give_one(struct memory *mem, struct memory_trim *trim);

/* ---- where a block lies ---- */

struct place {
  uint16_t *counts;  /* of its page, and of the next where it reaches into that */
  size_t head, tail; /* bytes in each */
};

static bool is_in(const struct span *span, const char *ptr) {
  return span && ptr >= span->base && ptr < span->base + span->pages * PAGE;
}

static int compare(const void *a, const void *b) {
  const struct span *one = a, *two = b;
  return one->base < two->base ? -1 : one->base > two->base;
}

static int compare_place(const void *key, const void *element) {
  const struct span *span = element;
  const char *ptr = key;
  return is_in(span, ptr) ? 0 : ptr < span->base ? -1 : 1;
}

/* A slab that was added meanwhile is left as it is. */
static bool find(struct memory_trim *trim, const char *ptr, size_t class,
                 struct place *place) {
  if (!is_in(trim->last, ptr))
    trim->last =
        bsearch(ptr, trim->spans, trim->count, sizeof *trim->spans, compare_place);
  if (!trim->last) return false;
  size_t offset = (size_t)(ptr - trim->last->base), size = memory_class_size(class);
  size_t room = PAGE - offset % PAGE;
  place->counts = trim->last->counts + offset / PAGE;
  place->head = size < room ? size : room;
  place->tail = size - place->head;
  return true;
}

static void count(struct memory_trim *trim, const void *ptr, size_t class, int sign) {
  struct place place;
  if (!find(trim, ptr, class, &place)) return;
  place.counts[0] = (uint16_t)(place.counts[0] + sign * (int)place.head);
  if (place.tail) place.counts[1] = (uint16_t)(place.counts[1] + sign * (int)place.tail);
}

/* ---- the passes ---- */

static bool next_class(struct memory *mem, struct memory_trim *trim) {
  if (++trim->class == MEMORY_CLASSES) return false;
  trim->todo = mem->free[trim->class];
  mem->free[trim->class] = NULL;
  return true;
}

static void *pop(struct memory_block **list) {
  struct memory_block *block = *list;
  *list = block->next;
  return block;
}

static void hold(struct memory_trim *trim, struct memory_block *block) {
  block->next = trim->held[trim->class];
  trim->held[trim->class] = block;
}

static size_t count_one(struct memory *mem, struct memory_trim *trim) {
  while (!trim->todo) {
    if (next_class(mem, trim)) continue;
    trim->pass = settle_one;
    return 1;
  }
  struct memory_block *block = pop(&trim->todo);
  count(trim, block, trim->class, 1);
  hold(trim, block);
  return 1;
}

static void settle(struct memory *mem, struct memory_trim *trim, char *block) {
  struct place place = {NULL, memory_class_size(trim->class), 0};
  bool known = find(trim, block, trim->class, &place);
  bool head = !known || place.counts[0] < PAGE;
  bool tail = place.tail && place.counts[1] < PAGE;
  if (head && (tail || !place.tail))
    memory_put(mem, block, trim->class);
  else if (head)
    memory_put_piece(mem, block, place.head);
  else if (tail)
    memory_put_piece(mem, block + place.head, place.tail);
}

static size_t settle_one(struct memory *mem, struct memory_trim *trim) {
  while (trim->class == MEMORY_CLASSES || !trim->held[trim->class]) {
    if (trim->class -- > 0) continue;
    trim->pass = give_one;
    return 1;
  }
  settle(mem, trim, pop(&trim->held[trim->class]));
  return 1;
}

static void unmap(struct memory *mem, struct memory_slab *slab) {
  struct memory_slab **at = &mem->slabs;
  while (*at != slab) at = &(*at)->next;
  *at = slab->next;
  mem->pages -= slab->pages;
  mem->given -= slab->pages;
  munmap(slab->base, slab->pages * PAGE);
  free(slab);
}

static size_t given_of(const struct memory_slab *slab) {
  size_t given = 0;
  for (size_t page = 0; page < slab->pages; page++) given += memory_is_given(slab, page);
  return given;
}

static size_t give_run(struct memory *mem, const struct span *span, size_t first) {
  size_t end = first;
  for (; end < span->pages && span->counts[end] == PAGE; end++)
    span->slab->given[end / WORD] |= UINT64_C(1) << end % WORD;
  mem->given += end - first;
  madvise(span->base + first * PAGE, (end - first) * PAGE, MADV_DONTNEED);
  return end;
}

static size_t give_one(struct memory *mem, struct memory_trim *trim) {
  if (trim->at == trim->count) return 0;
  const struct span *span = &trim->spans[trim->at++];
  for (size_t page = 0; page < span->pages; page++)
    if (span->counts[page] == PAGE) page = give_run(mem, span, page);
  if (given_of(span->slab) == span->pages) unmap(mem, span->slab);
  return span->pages;
}

/* ---- all of it ---- */

static struct memory_trim *begin(const struct memory *mem) {
  size_t count = 0;
  for (struct memory_slab *slab = mem->slabs; slab; slab = slab->next) count++;
  if (!count || getpagesize() != PAGE) return NULL; /* a larger one has neighbours */
  size_t spans = count * sizeof(struct span), counts = mem->pages * sizeof(uint16_t);
  struct memory_trim *trim = calloc(1, sizeof *trim + spans + counts);
  if (!trim) return NULL;
  uint16_t *next = (uint16_t *)(void *)(trim->spans + count);
  for (struct memory_slab *slab = mem->slabs; slab; slab = slab->next) {
    trim->spans[trim->count++] = (struct span){slab->base, slab->pages, slab, next};
    next += slab->pages;
  }
  qsort(trim->spans, count, sizeof *trim->spans, compare);
  trim->pass = count_one;
  return trim;
}

bool memory_trim(struct memory *mem, size_t work) {
  if (!mem->trim) mem->trim = begin(mem);
  while (mem->trim) {
    size_t done = mem->trim->pass(mem, mem->trim);
    if (!done)
      memory_trim_drop(mem);
    else if (done >= work)
      return false;
    work -= done;
  }
  return true;
}

void *memory_trim_take(struct memory *mem, size_t class) {
  struct memory_trim *trim = mem->trim;
  if (trim->pass != count_one) return NULL;
  if (class == trim->class && trim->todo) return pop(&trim->todo);
  if (!trim->held[class]) return NULL;
  void *block = pop(&trim->held[class]);
  count(trim, block, class, -1);
  return block;
}

void memory_trim_drop(struct memory *mem) {
  free(mem->trim);
  mem->trim = NULL;
}

size_t memory_spare(const struct memory *mem) {
  size_t held = (mem->pages - mem->given) * PAGE - mem->fresh_size;
  size_t used = mem->used - mem->large;
  return held > used ? held - used : 0;
}
