/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds the codec any bytes. What it reads, it writes and reads again to the same, and what
 * it takes one by one is what it reads.
 * sources: host/message/codec*.c */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdlib.h>

#include "message/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static lua_State *L;

static const char *const classes =
    "Meta = {}\n"
    "function pack(object) return object.value end\n"
    "function unpack(v)\n"
    "  return type(v) == 'string' and setmetatable({ value = v }, Meta) or nil\n"
    "end\n";

static void open_state(void) {
  L = luaL_newstate();
  luaL_openlibs(L);
  if (luaL_dostring(L, classes) != LUA_OK) abort();
  lua_getglobal(L, "pack");
  int pack = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_getglobal(L, "unpack");
  int unpack = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_getglobal(L, "Meta");
  codec_define(L, 1, pack, unpack, 0);
}

/* [message] -> [message, message read from what it was written to]; the bytes' length */
static size_t again(void) {
  struct codec_buffer buffer = {.max = 0};
  struct codec_problem problem;
  if (codec_write(L, lua_gettop(L), 1, &buffer, &problem) < 0) abort();
  if (codec_read(L, buffer.bytes, buffer.length, &problem) < 0) abort();
  lua_rawgeti(L, -1, 1);
  lua_remove(L, -2);
  size_t length = buffer.length;
  codec_buffer_free(&buffer);
  return length;
}

/* Pushes the next value, if it is taken. */
static bool take(struct codec_input *in) {
  struct codec_text text;
  lua_Integer integer;
  if (codec_take_text(in, &text))
    lua_pushlstring(L, text.bytes, text.length);
  else if (codec_take_integer(in, &integer))
    lua_pushinteger(L, integer);
  else
    return false;
  return true;
}

/* [message] -> [message]; without one nothing is compared */
static void take_all(const uint8_t *bytes, size_t length) {
  struct codec_input in = {bytes, bytes + length};
  for (lua_Integer i = 1; take(&in); i++) {
    if (lua_gettop(L) > 1) {
      lua_rawgeti(L, 1, i);
      if (!lua_rawequal(L, -1, -2)) abort();
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct codec_problem problem;
  if (!L) open_state();
  lua_settop(L, 0);
  int code = codec_read(L, bytes, length, &problem);
  take_all(bytes, length);
  if (code < 0) return 0;
  lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_settop(L, 1);
    lua_rawgeti(L, 1, i);
    if (again() != again()) abort();
    if (codec_copy(L, 2, 1, 0, 0, &problem) < 0) abort();
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
    if (again() != again()) abort();
  }
  return 0;
}
