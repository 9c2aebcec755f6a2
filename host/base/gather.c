/* SPDX-License-Identifier: Apache-2.0 */
/* Gather: see gather.h. */
#include "base/gather.h"

#include <string.h>
#include <sys/mman.h>

enum { GRAIN = 16 };

_Static_assert(sizeof(struct gather_head) == GRAIN, "blocks are aligned");

bool gather_open(struct gather *gather, void *address, size_t size) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  char *base = mmap(address, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (base == MAP_FAILED) return false;
  if (base != address) {
    munmap(base, size);
    return false;
  }
  *gather = (struct gather){.base = base, .fresh = base, .end = base + size};
  return true;
}

static size_t room(size_t size) {
  return sizeof(struct gather_head) + (size + GRAIN - 1) / GRAIN * GRAIN;
}

static struct gather_head *take(struct gather *gather, size_t size) {
  size_t left = (size_t)(gather->end - gather->fresh);
  gather->is_full |= size >= left || room(size) > left;
  if (gather->is_full) return NULL;
  struct gather_head *head = (struct gather_head *)(void *)gather->fresh;
  *head = (struct gather_head){.size = size, .is_live = true};
  gather->fresh += room(size);
  gather->used += size;
  return head;
}

static void give(struct gather *gather, void *ptr) {
  struct gather_head *head = (struct gather_head *)ptr - 1;
  gather->used -= head->size;
  head->is_live = false;
}

/* A new block has a tag in the place of a size. */
static void *take_new(struct gather *gather, size_t size, size_t tag) {
  struct gather_head *head = take(gather, size);
  if (!head) return NULL;
  head->tag = (uint8_t)tag;
  head->is_constant = !tag && gather->constant && *gather->constant;
  return head + 1;
}

static void *move(struct gather *gather, void *ptr, size_t osize, size_t nsize) {
  struct gather_head *head = take(gather, nsize);
  if (!head) return nsize < osize ? ptr : NULL; /* to become smaller never fails */
  memcpy(head + 1, ptr, osize < nsize ? osize : nsize);
  give(gather, ptr);
  return head + 1;
}

void *gather_alloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  if (nsize > 0) return ptr ? move(ud, ptr, osize, nsize) : take_new(ud, nsize, osize);
  if (ptr) give(ud, ptr);
  return NULL;
}

struct gather_head *gather_next(const struct gather *gather, struct gather_head *head) {
  char *next = head ? (char *)head + room(head->size) : gather->base;
  return next < gather->fresh ? (void *)next : NULL;
}

void gather_close(struct gather *gather) {
  munmap(gather->base, (size_t)(gather->end - gather->base));
}
