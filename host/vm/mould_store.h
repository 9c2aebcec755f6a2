/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a mould, shared by mould.c (pouring) and mould_make.c; nobody else includes
 * it. */
#pragma once
#include <stdint.h>

#include "base/memory.h"
#include "vm/mould.h"

struct mould {
  struct memory_image image; /* what points into it says how far from its beginning */
  size_t state;              /* where in it the state is */
  int handler;               /* see struct vm */
  size_t groups;             /* of 64 words */
  uint64_t marks[];          /* the words that are such pointers */
};

/* Pours a state that has done nothing yet; see mould_pour. */
struct vm *mould_pour_raw(const struct mould *mould);

/* Calls a function of the state; on an error it leaves that on the stack. */
bool mould_call(struct vm *vm, lua_CFunction function);
