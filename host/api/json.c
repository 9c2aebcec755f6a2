/* SPDX-License-Identifier: Apache-2.0 */
/* host.json: JSON to Lua values and back; documented in lua/meta/host_json.lua. Reading is
 * jansson's, so integers are exact; writing takes any bytes and makes them UTF-8.
 * Thread: the runtime's. */
#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

enum { DEEPEST = 100, STACK_A_LEVEL = 6 };

static char array_key; /* the metatable of arrays, in the registry */

static int fail(lua_State *L, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  lua_pushnil(L);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_pushliteral(L, "EINVAL");
  return 3;
}

/* ---- decode */

static void push(lua_State *L, const json_t *value, int depth);

static void push_object(lua_State *L, const json_t *object, int depth) {
  lua_createtable(L, 0, (int)json_object_size(object));
  void *at = json_object_iter((json_t *)object);
  for (; at; at = json_object_iter_next((json_t *)object, at)) {
    lua_pushstring(L, json_object_iter_key(at));
    push(L, json_object_iter_value(at), depth - 1);
    lua_rawset(L, -3);
  }
}

static void push_array(lua_State *L, const json_t *array, int depth) {
  size_t count = json_array_size(array);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    push(L, json_array_get(array, i), depth - 1);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
  lua_setmetatable(L, -2);
}

static void push(lua_State *L, const json_t *value, int depth) {
  if (depth == 0) luaL_error(L, "nested deeper than %d", DEEPEST);
  luaL_checkstack(L, STACK_A_LEVEL, NULL);
  switch (json_typeof(value)) {
    case JSON_OBJECT: push_object(L, value, depth); break;
    case JSON_ARRAY: push_array(L, value, depth); break;
    case JSON_STRING:
      lua_pushlstring(L, json_string_value(value), json_string_length(value));
      break;
    case JSON_INTEGER: lua_pushinteger(L, json_integer_value(value)); break;
    case JSON_REAL: lua_pushnumber(L, json_real_value(value)); break;
    case JSON_NULL: lua_pushlightuserdata(L, NULL); break;
    default: lua_pushboolean(L, json_is_true(value)); break;
  }
}

static int push_protected(lua_State *L) {
  push(L, lua_touserdata(L, 1), DEEPEST);
  return 1;
}

/* decode(text) -> value, or nil, message, CODE */
static int decode(lua_State *L) {
  size_t length;
  json_error_t error;
  const char *text = luaL_checklstring(L, 1, &length);
  int flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES;
  lua_pushcfunction(L, push_protected);
  json_t *value = json_loadb(text, length, (size_t)flags, &error);
  if (!value) return fail(L, "not JSON: %s (at byte %d)", error.text, error.position);
  lua_pushlightuserdata(L, value);
  int status = lua_pcall(L, 1, 1, 0);
  json_decref(value);
  if (status == LUA_OK) return 1;
  return fail(L, "not JSON: %s", lua_tostring(L, -1));
}

/* ---- encode */

struct text {
  char *bytes;
  size_t length, room;
};

/* Room for so many more bytes. */
static char *prepare(lua_State *L, struct text *out, size_t more) {
  if (out->room - out->length < more) {
    size_t room = 2 * (out->length + more);
    char *grown = realloc(out->bytes, room);
    if (!grown) luaL_error(L, "not enough memory");
    out->bytes = grown;
    out->room = room;
  }
  return out->bytes + out->length;
}

static void add(lua_State *L, struct text *out, const char *bytes, size_t length) {
  memcpy(prepare(L, out, length), bytes, length);
  out->length += length;
}

static void add_string(lua_State *L, struct text *out, int index) {
  size_t length;
  const char *bytes = lua_tolstring(L, index, &length);
  add(L, out, "\"", 1);
  out->length += json_escape(bytes, length, prepare(L, out, length * JSON_GROWTH));
  add(L, out, "\"", 1);
}

/* What reads back as the same number: a float keeps a mark of being one. */
static void add_number(lua_State *L, struct text *out, int index) {
  char text[40];
  int length;
  if (lua_isinteger(L, index)) {
    length = snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(L, index));
  } else {
    double number = lua_tonumber(L, index);
    if (!isfinite(number)) luaL_error(L, "not a finite number");
    length = snprintf(text, sizeof text - 2, "%.17g", number);
    if (!strpbrk(text, ".e")) length += snprintf(text + length, 3, ".0");
  }
  add(L, out, text, (size_t)length);
}

static bool is_array(lua_State *L, int index) {
  if (lua_rawlen(L, index) > 0) return true;
  if (!lua_getmetatable(L, index)) return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

static void add_value(lua_State *L, struct text *out, int depth);

static void add_array(lua_State *L, struct text *out, int depth) {
  size_t count = lua_rawlen(L, -1);
  add(L, out, "[", 1);
  for (size_t i = 1; i <= count; i++) {
    if (i > 1) add(L, out, ",", 1);
    lua_rawgeti(L, -1, (lua_Integer)i);
    add_value(L, out, depth - 1);
    lua_pop(L, 1);
  }
  add(L, out, "]", 1);
}

static void add_object(lua_State *L, struct text *out, int depth) {
  bool first = true;
  add(L, out, "{", 1);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "a key that is no string");
    if (!first) add(L, out, ",", 1);
    first = false;
    add_string(L, out, -2);
    add(L, out, ":", 1);
    add_value(L, out, depth - 1);
    lua_pop(L, 1);
  }
  add(L, out, "}", 1);
}

/* Adds the value on top of the stack. */
static void add_value(lua_State *L, struct text *out, int depth) {
  if (depth == 0) luaL_error(L, "nested deeper than %d", DEEPEST);
  luaL_checkstack(L, STACK_A_LEVEL, NULL);
  int type = lua_type(L, -1);
  if (type == LUA_TSTRING) {
    add_string(L, out, -1);
  } else if (type == LUA_TNUMBER) {
    add_number(L, out, -1);
  } else if (type == LUA_TBOOLEAN) {
    add(L, out, lua_toboolean(L, -1) ? "true" : "false", lua_toboolean(L, -1) ? 4 : 5);
  } else if (type == LUA_TTABLE) {
    if (is_array(L, -1))
      add_array(L, out, depth);
    else
      add_object(L, out, depth);
  } else if (type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, -1)) {
    add(L, out, "null", 4);
  } else {
    luaL_error(L, "cannot be JSON: %s", lua_typename(L, type));
  }
}

static int add_protected(lua_State *L) {
  struct text *out = lua_touserdata(L, 1);
  add_value(L, out, DEEPEST);
  lua_pushlstring(L, out->bytes, out->length);
  return 1;
}

/* encode(value) -> text, or nil, message, CODE */
static int encode(lua_State *L) {
  struct text out = {NULL, 0, 0};
  luaL_checkany(L, 1);
  lua_pushcfunction(L, add_protected);
  lua_pushlightuserdata(L, &out);
  lua_pushvalue(L, 1);
  int status = lua_pcall(L, 2, 1, 0);
  free(out.bytes);
  if (status == LUA_OK) return 1;
  return fail(L, "%s", lua_tostring(L, -1));
}

/* array([list]) -> the list, marked as one also when it is empty */
static int array(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
  lua_setmetatable(L, 1);
  lua_settop(L, 1);
  return 1;
}

static const luaL_Reg functions[] = {
    {"decode", decode},
    {"encode", encode},
    {"array", array},
    {NULL, NULL},
};

int luaopen_host_json(lua_State *L) {
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "json.array");
  lua_setfield(L, -2, "__name");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}
