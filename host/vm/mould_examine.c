/* SPDX-License-Identifier: Apache-2.0 */
/* Mould: looks through a whole state for what would not survive a move. See mould.h. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>

#include "vm/mould.h"
#include "vm/vm.h"

enum { SEEN = 1, DEPTH_MOST = 1000 };

static void examine(lua_State *L, int depth);

static bool is_seen(lua_State *L) {
  const void *object = lua_topointer(L, -1);
  bool seen = lua_rawgetp(L, SEEN, object) != LUA_TNIL;
  lua_pop(L, 1);
  if (seen) return true;
  lua_pushboolean(L, true);
  lua_rawsetp(L, SEEN, object);
  return false;
}

/* A pointer of C's that stays where it is. */
static void examine_pointer(lua_State *L) {
  const struct memory *memory = &vm_of(L)->memory;
  uintptr_t place = (uintptr_t)lua_touserdata(L, -1) - (uintptr_t)memory->poured;
  if (place <= memory->image.size) luaL_error(L, "a pointer of C's into the state");
}

/* the key at [index] */
static void examine_key(lua_State *L, int index) {
  int type = lua_type(L, index);
  bool is_bare = lua_iscfunction(L, index) && !lua_getupvalue(L, index, 1);
  bool moves = type >= LUA_TTABLE && !is_bare;
  if (moves) luaL_error(L, "a %s is the key of something", lua_typename(L, type));
}

static void examine_table(lua_State *L, int depth) {
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    examine_key(L, -2);
    if (lua_type(L, -2) == LUA_TLIGHTUSERDATA) {
      lua_pushvalue(L, -2);
      examine_pointer(L);
      lua_pop(L, 1);
    }
    examine(L, depth);
  }
}

static void examine_upvalues(lua_State *L, int depth) {
  for (int i = 1; lua_getupvalue(L, -1, i); i++) {
    examine(L, depth);
    lua_pop(L, 1);
  }
}

static bool is_standard_file(lua_State *L) {
  const luaL_Stream *stream = luaL_testudata(L, -1, LUA_FILEHANDLE);
  return stream && (stream->f == stdin || stream->f == stdout || stream->f == stderr);
}

/* The generator is what math.random has as an upvalue. */
static bool is_generator(lua_State *L) {
  const void *object = lua_touserdata(L, -1), *generator = NULL;
  lua_getglobal(L, LUA_MATHLIBNAME);
  lua_getfield(L, -1, "random");
  if (lua_getupvalue(L, -1, 1)) generator = lua_touserdata(L, -1);
  lua_settop(L, lua_absindex(L, generator ? -4 : -3));
  return object == generator;
}

static bool is_empty(lua_State *L) {
  const char *bytes = lua_touserdata(L, -1);
  for (size_t i = 0; i < lua_rawlen(L, -1); i++)
    if (bytes[i]) return false;
  return true;
}

static void examine_userdata(lua_State *L, int depth) {
  if (!is_empty(L) && !is_standard_file(L) && !is_generator(L))
    luaL_error(L, "a userdata: %s", luaL_tolstring(L, -1, NULL));
  for (int i = 1; lua_getiuservalue(L, -1, i) != LUA_TNONE; i++) {
    examine(L, depth);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void examine_object(lua_State *L, int depth) {
  int type = lua_type(L, -1);
  if (is_seen(L)) return;
  if (type == LUA_TTHREAD && lua_tothread(L, -1) != vm_of(L)->L)
    luaL_error(L, "a coroutine");
  if (type == LUA_TTABLE) examine_table(L, depth);
  if (type == LUA_TFUNCTION) examine_upvalues(L, depth);
  if (type == LUA_TUSERDATA) examine_userdata(L, depth);
}

/* what is on top, and leaves it there */
static void examine(lua_State *L, int depth) {
  int type = lua_type(L, -1);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (depth == DEPTH_MOST) luaL_error(L, "more than can be looked through");
  if (lua_getmetatable(L, -1)) {
    examine_object(L, depth + 1);
    lua_pop(L, 1);
  }
  if (type == LUA_TLIGHTUSERDATA) examine_pointer(L);
  if (type >= LUA_TTABLE) examine_object(L, depth + 1);
}

int mould_examine(lua_State *L) {
  lua_settop(L, 0);
  lua_newtable(L);
  lua_pushliteral(L, ""); /* its metatable is that of all strings */
  examine(L, 0);
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  examine(L, 0);
  return 0;
}
