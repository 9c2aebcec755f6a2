/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: a lua_Alloc over malloc that counts. See memory.h. */
#include "memory.h"

#include <stdlib.h>

void *memory_alloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  struct memory *mem = ud;
  if (!ptr) osize = 0; /* Lua passes a type tag there, not a size */
  if (nsize == 0) {
    free(ptr);
    mem->used -= osize;
    return NULL;
  }
  if (mem->limit && mem->guarded && nsize > osize &&
      mem->used + (nsize - osize) > mem->limit)
    return NULL;
  void *grown = ptr ? realloc(ptr, nsize) : malloc(nsize);
  if (!grown) return NULL;
  mem->used += nsize - osize;
  if (mem->used > mem->peak) mem->peak = mem->used;
  return grown;
}
