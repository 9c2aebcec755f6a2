/* SPDX-License-Identifier: Apache-2.0 */
/* host.codec: messages as bytes, and copies of them; documented in lua/meta/host_codec.lua.
 * Thread: the runtime's. */
#include "message/codec.h"

#include <string.h>
#include <uv.h>

#include "api/api.h"

/* encode(...) -> bytes; the buffer is an upvalue, kept from call to call */
static int encode(lua_State *L) {
  struct codec_buffer *buffer = lua_touserdata(L, lua_upvalueindex(1));
  struct codec_problem problem;
  buffer->length = 0;
  int code = codec_write(L, 1, lua_gettop(L), buffer, &problem);
  if (code == 0) lua_pushlstring(L, (const char *)buffer->bytes, buffer->length);
  codec_buffer_trim(buffer);
  return code < 0 ? api_refused(L, code, problem.text) : 1;
}

static int decode(lua_State *L) {
  size_t length;
  const char *bytes = luaL_checklstring(L, 1, &length);
  struct codec_problem problem;
  int code = codec_read(L, bytes, length, &problem);
  return code < 0 ? api_refused(L, code, problem.text) : 1;
}

static int copy(lua_State *L) {
  struct codec_problem problem;
  int code = codec_copy(L, 1, lua_gettop(L), 0, 0, &problem);
  return code < 0 ? api_refused(L, code, problem.text) : 1;
}

/* letter(kind, ...) -> a copy with its kind, and room for who waits for the answer */
static int letter(lua_State *L) {
  int fields = strcmp(luaL_checkstring(L, 1), "call") == 0 ? 3 : 1;
  struct codec_problem problem;
  int code = codec_copy(L, 2, lua_gettop(L) - 1, fields, 0, &problem);
  if (code < 0) return api_refused(L, code, problem.text);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "kind");
  return 1;
}

/* values(...) -> true, copies */
static int values(lua_State *L) {
  struct codec_problem problem;
  int code = codec_copy_values(L, 1, lua_gettop(L), &problem);
  if (code < 0) return api_refused(L, code, problem.text);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  return lua_gettop(L);
}

/* define(number, metatable, pack, unpack, shared) */
static int define(lua_State *L) {
  lua_Integer number = luaL_checkinteger(L, 1);
  luaL_argcheck(L, number >= 1 && number <= 127, 1, "not from 1 to 127");
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  luaL_checktype(L, 4, LUA_TFUNCTION);
  int shared = lua_toboolean(L, 5);
  lua_settop(L, 4);
  int unpack = luaL_ref(L, LUA_REGISTRYINDEX);
  int pack = luaL_ref(L, LUA_REGISTRYINDEX);
  codec_define(L, (int)number, pack, unpack, shared);
  return 0;
}

static int free_buffer(lua_State *L) {
  codec_buffer_free(lua_touserdata(L, 1));
  return 0;
}

static void push_buffer(lua_State *L) {
  struct codec_buffer *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);
  *buffer = (struct codec_buffer){.max = 0};
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, free_buffer);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

static const luaL_Reg functions[] = {
    {"decode", decode}, {"copy", copy},     {"letter", letter},
    {"values", values}, {"define", define}, {NULL, NULL},
};

int luaopen_host_codec(lua_State *L) {
  luaL_newlib(L, functions);
  push_buffer(L);
  lua_pushcclosure(L, encode, 1);
  lua_setfield(L, -2, "encode");
  return 1;
}
