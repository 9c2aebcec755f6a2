/* SPDX-License-Identifier: Apache-2.0 */
/* Mould: makes one. The state is gathered; of its blocks the live ones are packed into an
 * image. See mould.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/gather.h"
#include "base/interrupt.h"
#include "vm/mould_store.h"
#include "vm/vm.h"

/* The tag of a variable that functions share (LUA_TUPVAL). Once it is closed its last word is
 * a type, that is one byte, on what was a pointer. */
enum { UPVALUE = LUA_NUMTYPES };

enum { ROOM = 16 << 20, WORD = sizeof(uintptr_t), BITS = 64 };

struct maker {
  struct gather gather;
  struct vm *vm;
  struct gather_head **blocks; /* the live ones, by address */
  size_t count;
  struct memory_image image;
  char *bytes, *shared; /* of it */
  struct mould *mould;
  char *problem;
};

static bool refuse(struct maker *maker, const char *text) {
  snprintf(maker->problem, MOULD_PROBLEM, "%s", text ? text : "an error without a text");
  return false;
}

/* ---- the state ---- */

static bool open_state(struct maker *maker) {
  if (strcmp(LUA_RELEASE, MOULD_LUA) != 0 || WORD != sizeof(uint64_t))
    return refuse(maker, "not verified for this version of Lua");
  if (!gather_open(&maker->gather, MOULD_ADDRESS, ROOM))
    return refuse(maker, "no memory at the address of moulds");
  maker->vm = vm_new_from(gather_alloc, &maker->gather);
  return maker->vm || refuse(maker, "not enough memory");
}

static int collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT); /* what had a finalizer */
  return 0;
}

static int pack(lua_State *L) {
  interrupt_pack(L);
  return collect(L);
}

static bool fill_state(struct maker *maker, lua_CFunction fill) {
  struct vm *vm = maker->vm;
  maker->gather.constant = &vm->loads;
  if (!mould_call(vm, fill) || !mould_call(vm, pack))
    return refuse(maker, lua_tostring(vm->L, -1));
  return !maker->gather.is_full || refuse(maker, "not enough memory");
}

/* ---- what stays of it ---- */

/* The state as it was, with notes of what has lived on since. */
static void restore(struct gather *gather, const struct gather *before, char *bytes) {
  struct gather_head *block = NULL;
  size_t size = (size_t)(before->fresh - before->base);
  while ((block = gather_next(before, block))) {
    size_t at = (size_t)((char *)block - before->base);
    ((struct gather_head *)(void *)(bytes + at))->stays = block->is_live;
  }
  memcpy(before->base, bytes, size);
  memset(before->fresh, 0, (size_t)(gather->fresh - before->fresh));
  *gather = *before;
}

/* Has the state rest, and come back from that. */
static void see_what_stays(struct maker *maker, lua_CFunction rest) {
  struct gather before = maker->gather;
  size_t size = (size_t)(before.fresh - before.base);
  char *bytes = rest ? malloc(size) : NULL;
  if (!bytes) return;
  memcpy(bytes, before.base, size);
  if (mould_call(maker->vm, rest)) mould_call(maker->vm, collect);
  restore(&maker->gather, &before, bytes);
  free(bytes);
}

/* ---- its blocks ---- */

static char *bytes_of(const struct gather_head *block) {
  return (char *)(block + 1);
}

static bool is_inside(const struct maker *maker, uintptr_t word) {
  return word >= (uintptr_t)maker->gather.base && word < (uintptr_t)maker->gather.fresh;
}

/* Whether all can have the same one. */
static bool is_common(const struct maker *maker, const struct gather_head *block) {
  const uintptr_t *words = (const uintptr_t *)(const void *)bytes_of(block);
  if (!block->is_constant) return false;
  for (size_t i = 0; i < block->size / WORD; i++)
    if (is_inside(maker, words[i])) return false;
  return true;
}

static struct gather_head *next_live(const struct maker *maker,
                                     struct gather_head *block) {
  do block = gather_next(&maker->gather, block);
  while (block && !block->is_live);
  return block;
}

static void measure(struct maker *maker) {
  struct memory_image *image = &maker->image;
  image->used = maker->gather.used;
  for (struct gather_head *block = NULL; (block = next_live(maker, block));) {
    maker->count++;
    block->is_constant = is_common(maker, block);
    if (block->is_constant) {
      image->shared_size += memory_room(block->size);
      image->shared_used += block->size;
    } else {
      image->size += memory_room(block->size);
    }
  }
}

static bool reserve(struct maker *maker) {
  struct memory_image *image = &maker->image;
  size_t groups = image->size / WORD / BITS + 1;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  maker->shared =
      mmap(NULL, image->shared_size + 1, PROT_READ | PROT_WRITE, flags, -1, 0);
  maker->bytes = calloc(1, image->size);
  maker->blocks = calloc(maker->count, sizeof *maker->blocks);
  maker->mould = calloc(1, sizeof *maker->mould + groups * sizeof *maker->mould->marks);
  if (maker->shared == MAP_FAILED) maker->shared = NULL;
  if (!maker->shared || !maker->bytes || !maker->blocks || !maker->mould)
    return refuse(maker, "not enough memory");
  image->bytes = maker->bytes;
  image->shared = maker->shared;
  maker->mould->groups = groups;
  return true;
}

/* What stays comes first; of what is dropped texts, as others may still name the same. */
enum rank { STAYS, TEXT, GOES, RANKS };

static enum rank rank_of(const struct gather_head *block) {
  if (block->stays) return STAYS;
  return block->tag == LUA_TSTRING ? TEXT : GOES;
}

static size_t place(struct maker *maker, size_t at, enum rank rank) {
  for (size_t i = 0; i < maker->count; i++) {
    struct gather_head *block = maker->blocks[i];
    if (block->is_constant || rank_of(block) != rank) continue;
    block->to = (char *)(uintptr_t)at;
    at += memory_room(block->size);
  }
  return at;
}

/* Those of the image are told how far from its beginning, as are all pointers into it. */
static void place_all(struct maker *maker) {
  size_t at = 0, shared = 0;
  for (struct gather_head *block = NULL; (block = next_live(maker, block));) {
    maker->blocks[at++] = block;
    if (!block->is_constant) continue;
    block->to = maker->shared + shared;
    shared += memory_room(block->size);
  }
  at = 0;
  for (enum rank rank = STAYS; rank < RANKS; rank++) at = place(maker, at, rank);
}

/* ---- the image ---- */

static int compare(const void *key, const void *element) {
  const char *pointer = key;
  const struct gather_head *block = *(struct gather_head *const *)element;
  if (pointer < bytes_of(block)) return -1;
  return pointer > bytes_of(block) + block->size; /* its end is a pointer to it as well */
}

static const struct gather_head *find(const struct maker *maker, uintptr_t word) {
  if (!is_inside(maker, word) || word % WORD) return NULL;
  struct gather_head **found = bsearch((const void *)word, maker->blocks, maker->count,
                                       sizeof *maker->blocks, compare);
  return found ? *found : NULL;
}

/* What leads to where nothing is any more is left as it is: it is of no use. */
static void copy_word(struct maker *maker, size_t to, uintptr_t word) {
  const struct gather_head *block = find(maker, word);
  size_t index = to / WORD;
  if (!block) return;
  word = (uintptr_t)block->to + (word - (uintptr_t)bytes_of(block));
  memcpy(maker->bytes + to, &word, WORD);
  if (!block->is_constant)
    maker->mould->marks[index / BITS] |= UINT64_C(1) << index % BITS;
}

static void copy_block(struct maker *maker, const struct gather_head *block) {
  const uintptr_t *words = (const uintptr_t *)(const void *)bytes_of(block);
  size_t to = (size_t)(uintptr_t)block->to;
  size_t count = block->size / WORD - (block->tag == UPVALUE);
  memcpy(block->is_constant ? block->to : maker->bytes + to, words, block->size);
  for (size_t i = 0; !block->is_constant && i < count; i++)
    copy_word(maker, to + i * WORD, words[i]);
}

static bool take_image(struct maker *maker) {
  uintptr_t state = (uintptr_t)maker->vm->L;
  measure(maker);
  if (!reserve(maker)) return false;
  place_all(maker);
  for (size_t i = 0; i < maker->count; i++) copy_block(maker, maker->blocks[i]);
  const struct gather_head *block = find(maker, state);
  maker->mould->state =
      (size_t)(uintptr_t)block->to + (state - (uintptr_t)bytes_of(block));
  maker->mould->handler = maker->vm->handler;
  maker->mould->image = maker->image;
  mprotect(maker->shared, maker->image.shared_size + 1, PROT_READ);
  return true;
}

/* Whether what is poured is sound. */
static bool prove(struct maker *maker) {
  struct vm *vm = mould_pour_raw(maker->mould);
  if (!vm) return refuse(maker, "not enough memory, or each block is malloc's");
  bool sound = mould_call(vm, mould_examine) || refuse(maker, lua_tostring(vm->L, -1));
  if (!sound) vm->L = NULL; /* not closed: what it has open is the other's as well */
  vm_free(vm);
  return sound;
}

/* ---- all of it ---- */

static void close(struct maker *maker) {
  if (maker->vm) vm_free(maker->vm);
  if (maker->gather.base) gather_close(&maker->gather);
  free(maker->blocks);
}

static void free_image(const struct memory_image *image) {
  if (image->shared) munmap((char *)image->shared, image->shared_size + 1);
  free((char *)image->bytes);
}

static bool make(struct maker *maker, lua_CFunction fill, lua_CFunction rest) {
  if (!open_state(maker) || !fill_state(maker, fill)) return false;
  see_what_stays(maker, rest);
  return take_image(maker) && prove(maker);
}

struct mould *mould_new(lua_CFunction fill, lua_CFunction rest,
                        char problem[MOULD_PROBLEM]) {
  struct maker maker = {.problem = problem};
  bool made = make(&maker, fill, rest);
  close(&maker);
  if (made) return maker.mould;
  maker.image.bytes = maker.bytes;
  maker.image.shared = maker.shared;
  free_image(&maker.image);
  free(maker.mould);
  return NULL;
}

void mould_free(struct mould *mould) {
  free_image(&mould->image);
  free(mould);
}
