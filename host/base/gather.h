/* SPDX-License-Identifier: Apache-2.0 */
/* Gather: an allocator of one Lua state that keeps all of it in one piece and knows every
 * block there, so that an image can be made of it. No room is used twice: what is taken is
 * zero, even between fields, and an address is in one block or in none. Thread: the
 * state's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before each block, so that not even the end of one is the beginning of another. */
struct gather_head {
  uint64_t size : 48;
  uint64_t tag : 8; /* what Lua has called it, 0 for what is no object */
  uint64_t is_live : 1;
  uint64_t is_constant : 1; /* as `constant` was; and no object */
  char *to;                 /* for who makes an image */
};

struct gather {
  char *base, *fresh, *end;
  size_t used;
  bool is_full; /* something was refused */
  const bool
      *constant; /* whether a chunk is being loaded: what is not an object of that is
                           never written again */
};

/* Reserves [size] bytes at [address]. False when they are not to be had there. */
bool gather_open(struct gather *gather, void *address, size_t size);

/* A lua_Alloc for the struct gather passed as [ud]. */
void *gather_alloc(void *ud, void *ptr, size_t osize, size_t nsize);

/* The block after [head], or the first after NULL; NULL after the last. */
struct gather_head *gather_next(const struct gather *gather, struct gather_head *head);

/* Frees it all. */
void gather_close(struct gather *gather);
