/* SPDX-License-Identifier: Apache-2.0 */
/* Codec: values to bytes. See codec.h. */
#include <endian.h>
#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "message/codec.h"
#include "message/codec_store.h"

enum { FIRST_CAPACITY = 256, HEADER = 5, SLOTS = 6 };

struct writer {
  lua_State *L;
  struct codec_buffer *buffer;
  struct codec_problem *problem;
};

/* ---- the buffer ---- */

static size_t max_of(const struct codec_buffer *buffer) {
  return buffer->max ? buffer->max : CODEC_MAX;
}

static int reserve(struct writer *w, size_t more) {
  struct codec_buffer *buffer = w->buffer;
  size_t max = max_of(buffer), capacity = buffer->capacity;
  if (more > max || buffer->length > max - more)
    return codec_fail(w->problem, UV_E2BIG, "a message of more than %zu bytes", max);
  if (buffer->length + more <= capacity) return 0;
  if (capacity < FIRST_CAPACITY) capacity = FIRST_CAPACITY;
  while (capacity < buffer->length + more) capacity *= 2;
  unsigned char *bytes = realloc(buffer->bytes, capacity);
  if (!bytes) return codec_fail(w->problem, UV_ENOMEM, "not enough memory for a message");
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return 0;
}

static int put(struct writer *w, const void *bytes, size_t length) {
  int r = reserve(w, length);
  if (r < 0) return r;
  memcpy(w->buffer->bytes + w->buffer->length, bytes, length);
  w->buffer->length += length;
  return 0;
}

static int put_byte(struct writer *w, unsigned byte) {
  unsigned char one = (unsigned char)byte;
  return put(w, &one, 1);
}

static void store32(unsigned char *at, size_t value) {
  uint32_t big = htobe32((uint32_t)value);
  memcpy(at, &big, sizeof big);
}

static int put_wide(struct writer *w, unsigned mark, uint64_t bits) {
  unsigned char bytes[9] = {(unsigned char)mark};
  bits = htobe64(bits);
  memcpy(bytes + 1, &bits, sizeof bits);
  return put(w, bytes, sizeof bytes);
}

/* a short form up to [limit], else 32 bits */
static int put_count(struct writer *w, unsigned mark, size_t limit, unsigned wide,
                     size_t count) {
  if (count <= limit) return put_byte(w, mark | (unsigned)count);
  unsigned char bytes[HEADER] = {(unsigned char)wide};
  store32(bytes + 1, count);
  return put(w, bytes, sizeof bytes);
}

/* ---- values ---- */

static int put_value(struct writer *w, int index, int depth);

static int put_number(struct writer *w, int index) {
  uint64_t bits;
  if (!lua_isinteger(w->L, index)) {
    lua_Number number = lua_tonumber(w->L, index);
    memcpy(&bits, &number, sizeof bits);
    return put_wide(w, CODEC_FLOAT, bits);
  }
  lua_Integer value = lua_tointeger(w->L, index);
  if (value >= -32 && value <= 127) return put_byte(w, (unsigned)(value & 0xff));
  return put_wide(w, CODEC_INTEGER, (uint64_t)value);
}

static int put_string(struct writer *w, int index) {
  size_t length;
  const char *bytes = lua_tolstring(w->L, index, &length);
  if (length > max_of(w->buffer)) return reserve(w, length);
  int r;
  if (length >= 32 && length <= UINT8_MAX) {
    unsigned char header[2] = {CODEC_STRING8, (unsigned char)length};
    r = put(w, header, sizeof header);
  } else {
    r = put_count(w, CODEC_FIXSTRING, 31, CODEC_STRING32, length);
  }
  return r < 0 ? r : put(w, bytes, length);
}

/* Counts the entries; whether their keys are just 1 to their number. */
static bool is_array(lua_State *L, int index, size_t *entries) {
  size_t length = lua_rawlen(L, index), count = 0;
  bool array = true;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    count++;
    if (array && lua_isinteger(L, -1)) {
      lua_Integer key = lua_tointeger(L, -1);
      array = key >= 1 && (size_t)key <= length;
    } else {
      array = false;
    }
  }
  *entries = count;
  return array && count == length;
}

static int put_array(struct writer *w, int index, size_t count, int depth) {
  lua_State *L = w->L;
  int r = put_count(w, CODEC_FIXARRAY, 15, CODEC_ARRAY32, count);
  for (size_t i = 1; r == 0 && i <= count; i++) {
    lua_rawgeti(L, index, (lua_Integer)i);
    r = put_value(w, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
    if (r == 0) continue;
    lua_pushinteger(L, (lua_Integer)i);
    codec_blame(L, -1, w->problem);
    lua_pop(L, 1);
  }
  return r;
}

static int put_key(struct writer *w, int index, int depth) {
  bool strange = false;
  if (lua_istable(w->L, index) && !codec_class_of(w->L, index, &strange))
    return codec_fail(w->problem, UV_EINVAL, "cannot send a table as a key");
  return put_value(w, index, depth);
}

static int put_map(struct writer *w, int index, size_t count, int depth) {
  lua_State *L = w->L;
  int r = put_count(w, CODEC_FIXMAP, 15, CODEC_MAP32, count);
  if (r < 0) return r;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    int value = lua_gettop(L);
    r = put_key(w, value - 1, depth + 1);
    if (r == 0 && (r = put_value(w, value, depth + 1)) < 0)
      codec_blame(L, value - 1, w->problem);
    if (r < 0) {
      lua_pop(L, 2);
      return r;
    }
    lua_pop(L, 1);
  }
  return 0;
}

/* ext 32: length, number of the class, the packed value */
static int put_object(struct writer *w, int index, const struct codec_class *class,
                      int depth) {
  lua_State *L = w->L;
  size_t start = w->buffer->length;
  unsigned char header[HEADER + 1] = {CODEC_OBJECT};
  header[HEADER] = (unsigned char)class->number;
  int r = put(w, header, sizeof header);
  if (r < 0) return r;
  lua_rawgeti(L, LUA_REGISTRYINDEX, class->pack);
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
  r = put_value(w, lua_gettop(L), depth + 1);
  lua_pop(L, 1);
  if (r == 0)
    store32(w->buffer->bytes + start + 1, w->buffer->length - start - sizeof header);
  return r;
}

static int put_table(struct writer *w, int index, int depth) {
  lua_State *L = w->L;
  bool strange;
  size_t count;
  if (depth >= CODEC_DEPTH || !lua_checkstack(L, SLOTS))
    return codec_fail(w->problem, UV_ELOOP, "tables nested more than %d deep",
                      CODEC_DEPTH);
  const struct codec_class *class = codec_class_of(L, index, &strange);
  if (class) return put_object(w, index, class, depth);
  if (strange) return codec_refuse(L, index, w->problem);
  if (is_array(L, index, &count)) return put_array(w, index, count, depth);
  return put_map(w, index, count, depth);
}

static int put_value(struct writer *w, int index, int depth) {
  switch (lua_type(w->L, index)) {
    case LUA_TNIL: return put_byte(w, CODEC_NIL);
    case LUA_TBOOLEAN:
      return put_byte(w, lua_toboolean(w->L, index) ? CODEC_TRUE : CODEC_FALSE);
    case LUA_TNUMBER: return put_number(w, index);
    case LUA_TSTRING: return put_string(w, index);
    case LUA_TTABLE: return put_table(w, index, depth);
    default: return codec_refuse(w->L, index, w->problem);
  }
}

int codec_write(lua_State *L, int first, int count, struct codec_buffer *buffer,
                struct codec_problem *problem) {
  struct writer w = {L, buffer, problem};
  size_t before = buffer->length;
  for (int i = first; i < first + count; i++) {
    int r = put_value(&w, i, 0);
    if (r < 0) {
      buffer->length = before;
      return r;
    }
  }
  return 0;
}
