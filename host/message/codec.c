/* SPDX-License-Identifier: Apache-2.0 */
/* Codec: the classes of objects, and problems in words. See codec.h. */
#include "message/codec.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "message/codec_store.h"

enum { KEPT_CAPACITY = 64 << 10 }; /* a buffer that grew beyond is not kept */

static char classes_key; /* registry: { [metatable] = class, [number] = class } */

void codec_buffer_free(struct codec_buffer *buffer) {
  free(buffer->bytes);
  *buffer = (struct codec_buffer){.max = buffer->max};
}

void codec_buffer_trim(struct codec_buffer *buffer) {
  if (buffer->capacity > KEPT_CAPACITY) codec_buffer_free(buffer);
}

/* ---- classes ---- */

static void push_classes(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &classes_key);
}

void codec_define(lua_State *L, int number, int pack, int unpack, int shared) {
  push_classes(L); /* [metatable, classes] */
  struct codec_class *class = lua_newuserdatauv(L, sizeof *class, 0);
  *class = (struct codec_class){number, pack, unpack, shared};
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, number);
  lua_pushvalue(L, -3);
  lua_insert(L, -2);
  lua_rawset(L, -3);
  lua_pop(L, 2);
}

const struct codec_class *codec_class_of(lua_State *L, int index, bool *strange) {
  *strange = false;
  if (!lua_getmetatable(L, index)) return NULL;
  *strange = true;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key) != LUA_TTABLE) {
    lua_pop(L, 2);
    return NULL;
  }
  lua_insert(L, -2);
  lua_rawget(L, -2);
  const struct codec_class *class = lua_touserdata(L, -1); /* kept by the classes */
  lua_pop(L, 2);
  return class;
}

const struct codec_class *codec_class_numbered(lua_State *L, int number) {
  const struct codec_class *class = NULL;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key) == LUA_TTABLE) {
    lua_rawgeti(L, -1, number);
    class = lua_touserdata(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return class;
}

/* ---- problems ---- */

int codec_fail(struct codec_problem *problem, int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(problem->text, sizeof problem->text, format, arguments);
  va_end(arguments);
  return code;
}

int codec_refuse(lua_State *L, int index, struct codec_problem *problem) {
  const char *kind = luaL_typename(L, index);
  bool table = lua_istable(L, index);
  return codec_fail(problem, UV_EINVAL, "cannot send a %s%s", kind,
                    table ? " with a metatable" : "");
}

void codec_blame(lua_State *L, int index, struct codec_problem *problem) {
  char place[48] = "", rest[CODEC_TEXT];
  if (lua_type(L, index) == LUA_TSTRING)
    snprintf(place, sizeof place, ".%s", lua_tostring(L, index));
  else if (lua_isinteger(L, index))
    snprintf(place, sizeof place, "[%lld]", (long long)lua_tointeger(L, index));
  else
    snprintf(place, sizeof place, "[%s]", luaL_typename(L, index));
  char *at = strstr(problem->text, " at ");
  if (at) {
    snprintf(rest, sizeof rest, "%s", at + 4);
    *at = '\0';
  } else {
    rest[0] = '\0';
  }
  size_t length = strlen(problem->text), room = sizeof problem->text - length;
  snprintf(problem->text + length, room, " at %s%s", place, rest);
}
