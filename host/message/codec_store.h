/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the codec, shared by its parts; nobody else includes it. */
#pragma once
#include <stdbool.h>

#include "message/codec.h"

enum {
  CODEC_NIL = 0xc0,
  CODEC_FALSE = 0xc2,
  CODEC_TRUE = 0xc3,
  CODEC_OBJECT = 0xc9, /* ext 32 */
  CODEC_FLOAT = 0xcb,
  CODEC_INTEGER = 0xd3,
  CODEC_STRING8 = 0xd9,
  CODEC_STRING32 = 0xdb,
  CODEC_ARRAY32 = 0xdd,
  CODEC_MAP32 = 0xdf,
  CODEC_FIXMAP = 0x80,
  CODEC_FIXARRAY = 0x90,
  CODEC_FIXSTRING = 0xa0,
  CODEC_FIXNEGATIVE = 0xe0
};

/* A class of objects, see codec_define. */
struct codec_class {
  int number, pack, unpack, shared;
};

/* The class of the table at [index]; NULL with [*strange] set when it has a metatable that
 * is none's, NULL when it has none. Needs two slots. */
const struct codec_class *codec_class_of(lua_State *L, int index, bool *strange);

/* The class of a number, NULL when there is none. Needs two slots. */
const struct codec_class *codec_class_numbered(lua_State *L, int number);

/* Words a problem, returns [code]. */
int codec_fail(struct codec_problem *problem, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts the key at [index] before what the problem says of the place. */
void codec_blame(lua_State *L, int index, struct codec_problem *problem);

/* Words that the value at [index] is of a kind that cannot be sent. */
int codec_refuse(lua_State *L, int index, struct codec_problem *problem);
