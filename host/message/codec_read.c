/* SPDX-License-Identifier: Apache-2.0 */
/* Codec: bytes to values. Every length is checked against what is left, and all declared
 * entries together against the whole input, before anything is made. See codec.h. */
#include <endian.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>

#include "message/codec.h"
#include "message/codec_store.h"

enum { SLOTS = 6 };

struct reader {
  lua_State *L;
  const unsigned char *at, *end;
  size_t entries; /* that containers may still declare: each takes a byte at least */
  struct codec_problem *problem; /* or NULL, where nobody asks why */
};

static int damaged(struct reader *r, const char *how) {
  if (!r->problem) return UV_EPROTO;
  return codec_fail(r->problem, UV_EPROTO, "damaged message: %s", how);
}

static size_t left(const struct reader *r) {
  return (size_t)(r->end - r->at);
}

static int take(struct reader *r, void *out, size_t length) {
  if (left(r) < length) return damaged(r, "cut short");
  memcpy(out, r->at, length);
  r->at += length;
  return 0;
}

static int take32(struct reader *r, size_t *out) {
  uint32_t big = 0;
  int code = take(r, &big, sizeof big);
  *out = be32toh(big);
  return code;
}

static int take64(struct reader *r, uint64_t *out) {
  uint64_t big = 0;
  int code = take(r, &big, sizeof big);
  *out = be64toh(big);
  return code;
}

/* Whether the mark holds the value or the length too. */
static bool is_short(unsigned mark) {
  return mark < CODEC_NIL || mark >= CODEC_FIXNEGATIVE;
}

static bool is_small_integer(unsigned mark) {
  return mark < CODEC_FIXMAP || mark >= CODEC_FIXNEGATIVE;
}

/* The length of a string after its mark, or the entries of a container with a long one. */
static int take_length(struct reader *r, unsigned mark, size_t *length) {
  unsigned char byte = 0;
  if (is_short(mark)) {
    *length = mark & 31;
    return 0;
  }
  if (mark != CODEC_STRING8) return take32(r, length);
  int code = take(r, &byte, 1);
  *length = byte;
  return code;
}

static int read_value(struct reader *r, int depth);

/* ---- values: each pushes one ---- */

static int read_wide(struct reader *r, bool is_float) {
  uint64_t bits;
  int code = take64(r, &bits);
  if (code < 0) return code;
  if (is_float) {
    lua_Number number;
    memcpy(&number, &bits, sizeof number);
    lua_pushnumber(r->L, number);
  } else {
    lua_pushinteger(r->L, (lua_Integer)bits);
  }
  return 0;
}

static int read_string(struct reader *r, size_t length) {
  if (left(r) < length) return damaged(r, "a string is cut short");
  lua_pushlstring(r->L, (const char *)r->at, length);
  r->at += length;
  return 0;
}

static int declare(struct reader *r, size_t entries) {
  if (entries > r->entries) return damaged(r, "more entries than bytes");
  r->entries -= entries;
  return 0;
}

/* as deep as codec_write goes, and not one deeper, though it be empty */
static int descend(struct reader *r, int depth) {
  return depth < CODEC_DEPTH ? 0 : damaged(r, "nested too deep");
}

static int read_array(struct reader *r, size_t count, int depth) {
  int code = descend(r, depth);
  if (code == 0) code = declare(r, count);
  if (code < 0) return code;
  lua_createtable(r->L, (int)count, 0);
  for (size_t i = 1; i <= count; i++) {
    code = read_value(r, depth + 1);
    if (code < 0) return code;
    lua_rawseti(r->L, -2, (lua_Integer)i);
  }
  return 0;
}

/* keys are what codec_write sends as such */
static int read_key(struct reader *r, int depth) {
  if (left(r) == 0) return damaged(r, "cut short");
  unsigned mark = *r->at;
  bool container = (mark >= CODEC_FIXMAP && mark < CODEC_FIXSTRING) ||
                   mark == CODEC_ARRAY32 || mark == CODEC_MAP32;
  if (container) return damaged(r, "a table as a key");
  int code = read_value(r, depth);
  if (code < 0) return code;
  lua_Number number = lua_isnumber(r->L, -1) ? lua_tonumber(r->L, -1) : 0;
  if (lua_isnil(r->L, -1) || number != number) return damaged(r, "a key that is none");
  return 0;
}

static int read_map(struct reader *r, size_t count, int depth) {
  int code = descend(r, depth);
  if (code == 0) code = declare(r, count);
  if (code == 0) code = declare(r, count);
  if (code < 0) return code;
  lua_createtable(r->L, 0, (int)count);
  for (size_t i = 0; i < count; i++) {
    if ((code = read_key(r, depth + 1)) < 0) return code;
    if ((code = read_value(r, depth + 1)) < 0) return code;
    lua_rawset(r->L, -3);
  }
  return 0;
}

static int read_object(struct reader *r, int depth) {
  lua_State *L = r->L;
  size_t length = 0;
  unsigned char number = 0;
  int code = descend(r, depth);
  if (code == 0) code = take32(r, &length);
  if (code == 0) code = take(r, &number, 1);
  if (code < 0) return code;
  const struct codec_class *class = codec_class_numbered(L, number);
  if (!class || length > left(r)) return damaged(r, "an unknown object");
  const unsigned char *end = r->at + length;
  lua_rawgeti(L, LUA_REGISTRYINDEX, class->unpack);
  if ((code = read_value(r, depth + 1)) < 0) return code;
  if (r->at != end) return damaged(r, "an object of another length");
  lua_call(L, 1, 1);
  return lua_isnil(L, -1) ? damaged(r, "not an object of its class") : 0;
}

/* those whose mark holds the length too */
static int read_short(struct reader *r, unsigned mark, int depth) {
  if (is_small_integer(mark)) {
    lua_pushinteger(r->L, (signed char)mark);
    return 0;
  }
  if (mark < CODEC_FIXARRAY) return read_map(r, mark & 15, depth);
  if (mark < CODEC_FIXSTRING) return read_array(r, mark & 15, depth);
  return read_string(r, mark & 31);
}

static int read_long(struct reader *r, unsigned mark, int depth) {
  size_t count = 0;
  int code = take_length(r, mark, &count);
  if (code < 0) return code;
  switch (mark) {
    case CODEC_STRING8:
    case CODEC_STRING32: return read_string(r, count);
    case CODEC_ARRAY32: return read_array(r, count, depth);
    default: return read_map(r, count, depth);
  }
}

static int read_marked(struct reader *r, unsigned mark, int depth) {
  switch (mark) {
    case CODEC_NIL: lua_pushnil(r->L); return 0;
    case CODEC_FALSE:
    case CODEC_TRUE: lua_pushboolean(r->L, mark == CODEC_TRUE); return 0;
    case CODEC_FLOAT:
    case CODEC_INTEGER: return read_wide(r, mark == CODEC_FLOAT);
    case CODEC_OBJECT: return read_object(r, depth);
    case CODEC_STRING8:
    case CODEC_STRING32:
    case CODEC_ARRAY32:
    case CODEC_MAP32: return read_long(r, mark, depth);
    default: return damaged(r, "an unknown mark");
  }
}

static int read_value(struct reader *r, int depth) {
  unsigned char mark = 0;
  int code = take(r, &mark, 1);
  if (code < 0) return code;
  if (!lua_checkstack(r->L, SLOTS)) return damaged(r, "nested too deep");
  return is_short(mark) ? read_short(r, mark, depth) : read_marked(r, mark, depth);
}

/* ---- one by one ---- */

bool codec_take_text(struct codec_input *in, struct codec_text *text) {
  struct reader r = {.at = in->at, .end = in->end};
  unsigned char mark = 0;
  size_t length = 0;
  if (take(&r, &mark, 1) < 0) return false;
  bool is_text = (mark >= CODEC_FIXSTRING && mark < CODEC_NIL) || mark == CODEC_STRING8 ||
                 mark == CODEC_STRING32;
  if (!is_text || take_length(&r, mark, &length) < 0 || left(&r) < length) return false;
  *text = (struct codec_text){(const char *)r.at, length};
  in->at = r.at + length;
  return true;
}

bool codec_take_integer(struct codec_input *in, lua_Integer *value) {
  struct reader r = {.at = in->at, .end = in->end};
  unsigned char mark = 0;
  uint64_t bits = 0;
  if (take(&r, &mark, 1) < 0) return false;
  if (!is_small_integer(mark) && (mark != CODEC_INTEGER || take64(&r, &bits) < 0))
    return false;
  *value = mark == CODEC_INTEGER ? (lua_Integer)bits : (signed char)mark;
  in->at = r.at;
  return true;
}

int codec_read_values(lua_State *L, const struct codec_input *in,
                      struct codec_problem *problem) {
  struct reader r = {L, in->at, in->end, (size_t)(in->end - in->at), problem};
  int top = lua_gettop(L), code = 0;
  while (code == 0 && r.at < r.end) code = read_value(&r, 0);
  if (code < 0) lua_settop(L, top);
  return code < 0 ? code : lua_gettop(L) - top;
}

int codec_read(lua_State *L, const void *bytes, size_t length,
               struct codec_problem *problem) {
  struct reader r = {L, bytes, (const unsigned char *)bytes + length, length, problem};
  int top = lua_gettop(L), code = 0;
  lua_Integer count = 0;
  if (length > INT_MAX) return damaged(&r, "too long");
  if (!lua_checkstack(L, SLOTS)) return codec_fail(problem, UV_ENOMEM, "stack overflow");
  lua_newtable(L);
  while (code == 0 && r.at < r.end) {
    code = read_value(&r, 0);
    if (code == 0) lua_rawseti(L, -2, ++count);
  }
  if (code < 0) {
    lua_settop(L, top);
    return code;
  }
  lua_pushinteger(L, count);
  lua_setfield(L, -2, "n");
  return 0;
}
