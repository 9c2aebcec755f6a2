/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: the counting allocator of one Lua state, with an optional limit.
 * Owns nothing but its counters; belongs to the thread that runs the state. */
#pragma once
#include <stddef.h>

struct memory {
  size_t used;      /* bytes the state holds now */
  size_t peak;      /* the most it ever held */
  size_t limit;     /* bytes it may hold; 0 for no limit */
  unsigned guarded; /* calls under way that a refusal only ends; else it would be fatal */
};

/* A lua_Alloc that counts into the struct memory passed as [ud]; growth past the limit
 * is refused while somebody guards against it, shrinking never is. Thread: the state's own. */
void *memory_alloc(void *ud, void *ptr, size_t osize, size_t nsize);
