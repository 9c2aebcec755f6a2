/* SPDX-License-Identifier: Apache-2.0 */
/* Codec: deep copies within one state, by the rules of the encoding. See codec.h. */
#include <uv.h>

#include "message/codec.h"
#include "message/codec_store.h"

enum { SLOTS = 8 };

struct copier {
  lua_State *L;
  size_t left; /* bytes, about as the encoding would have them */
  size_t max;
  struct codec_problem *problem;
};

static int spend(struct copier *c, size_t bytes) {
  if (bytes > c->left)
    return codec_fail(c->problem, UV_E2BIG, "a message of more than %zu bytes", c->max);
  c->left -= bytes;
  return 0;
}

static int copy_value(struct copier *c, int index, int depth);

static int copy_key(struct copier *c, int index, int depth) {
  bool strange = false;
  if (lua_istable(c->L, index) && !codec_class_of(c->L, index, &strange))
    return codec_fail(c->problem, UV_EINVAL, "cannot send a table as a key");
  return copy_value(c, index, depth);
}

static int copy_object(struct copier *c, int index, const struct codec_class *class,
                       int depth) {
  lua_State *L = c->L;
  if (class->shared) {
    lua_pushvalue(L, index);
    return 0;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, class->unpack);
  lua_rawgeti(L, LUA_REGISTRYINDEX, class->pack);
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
  int code = copy_value(c, lua_gettop(L), depth + 1);
  if (code < 0) return code;
  lua_remove(L, -2);
  lua_call(L, 1, 1);
  return 0;
}

static int copy_entries(struct copier *c, int index, int depth) {
  lua_State *L = c->L;
  int copy = lua_gettop(L), code;
  lua_pushnil(L);
  while (lua_next(L, index)) { /* copy, key, value */
    if ((code = copy_key(c, copy + 1, depth + 1)) < 0) return code;
    if ((code = copy_value(c, copy + 2, depth + 1)) < 0) {
      codec_blame(L, copy + 1, c->problem);
      return code;
    }
    lua_rawset(L, copy);
    lua_pop(L, 1);
  }
  return 0;
}

static int copy_table(struct copier *c, int index, int depth) {
  lua_State *L = c->L;
  bool strange;
  if (depth >= CODEC_DEPTH || !lua_checkstack(L, SLOTS))
    return codec_fail(c->problem, UV_ELOOP, "tables nested more than %d deep",
                      CODEC_DEPTH);
  const struct codec_class *class = codec_class_of(L, index, &strange);
  if (class) return copy_object(c, index, class, depth);
  if (strange) return codec_refuse(L, index, c->problem);
  size_t length = lua_rawlen(L, index);
  lua_createtable(L, length <= c->left ? (int)length : 0, 0);
  return copy_entries(c, index, depth);
}

/* pushes the copy; on a failure the stack is anyone's guess */
static int copy_value(struct copier *c, int index, int depth) {
  lua_State *L = c->L;
  int type = lua_type(L, index);
  int code = spend(c, type == LUA_TSTRING ? 1 + lua_rawlen(L, index) : 1);
  if (code < 0) return code;
  switch (type) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TSTRING: lua_pushvalue(L, index); return 0;
    case LUA_TTABLE: return copy_table(c, index, depth);
    default: return codec_refuse(L, index, c->problem);
  }
}

int codec_copy(lua_State *L, int first, int count, int fields, size_t max,
               struct codec_problem *problem) {
  if (max == 0) max = CODEC_MAX;
  struct copier c = {L, max, max, problem};
  int top = lua_gettop(L);
  if (!lua_checkstack(L, SLOTS)) return codec_fail(problem, UV_ENOMEM, "stack overflow");
  lua_createtable(L, count, 1 + fields);
  for (int i = 0; i < count; i++) {
    int code = copy_value(&c, first + i, 0);
    if (code < 0) {
      lua_settop(L, top);
      return code;
    }
    lua_rawseti(L, top + 1, i + 1);
  }
  lua_pushinteger(L, count);
  lua_setfield(L, top + 1, "n");
  return 0;
}

int codec_copy_values(lua_State *L, int first, int count, struct codec_problem *problem) {
  struct copier c = {L, CODEC_MAX, CODEC_MAX, problem};
  int top = lua_gettop(L);
  if (!lua_checkstack(L, SLOTS)) return codec_fail(problem, UV_ENOMEM, "stack overflow");
  for (int i = first; i < first + count; i++) {
    if (lua_type(L, i) <= LUA_TNUMBER && c.left > 0 && !lua_islightuserdata(L, i)) {
      c.left--;
      continue;
    }
    int code = copy_value(&c, i, 0);
    if (code < 0) {
      lua_settop(L, top);
      return code;
    }
    lua_replace(L, i);
  }
  return 0;
}
