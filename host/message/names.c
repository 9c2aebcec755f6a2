/* SPDX-License-Identifier: Apache-2.0 */
/* Names: see names.h. Lua has a short string only once, so its address is the name, as long
 * as it is kept. */
#include "message/names.h"

#include <lauxlib.h>
#include <stdbool.h>

enum { PLACES = 4 }; /* one after the other, where a name may be */

void names_open(struct names *names, lua_State *L) {
  *names = (struct names){.strings = LUA_NOREF};
  lua_newtable(L);
  names->strings = luaL_ref(L, LUA_REGISTRYINDEX);
}

static unsigned place_of(const void *name, unsigned i) {
  return (unsigned)(((uintptr_t)name / 32 + i) % NAMES);
}

uint8_t names_find(const struct names *names, lua_State *L, int index) {
  const void *name = lua_topointer(L, index);
  for (unsigned i = 0; name && i < PLACES; i++) {
    unsigned place = place_of(name, i);
    if (names->known[place] == name)
      return lua_type(L, index) == LUA_TSTRING ? (uint8_t)(place + 1) : 0;
  }
  return 0;
}

uint8_t names_keep(struct names *names, lua_State *L, int index) {
  uint8_t number = names_find(names, L, index);
  bool fits = lua_type(L, index) == LUA_TSTRING && lua_rawlen(L, index) <= NAMES_SHORT;
  const void *name = lua_topointer(L, index);
  for (unsigned i = 0; fits && !number && i < PLACES; i++) {
    unsigned place = place_of(name, i);
    if (names->known[place]) continue;
    number = (uint8_t)(place + 1);
    lua_pushvalue(L, index);
    lua_rawgeti(L, LUA_REGISTRYINDEX, names->strings);
    lua_insert(L, -2);
    lua_rawseti(L, -2, number);
    lua_pop(L, 1);
    names->known[place] = name;
  }
  return number;
}

void names_push(const struct names *names, lua_State *L, uint8_t number) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, names->strings);
  lua_rawgeti(L, -1, number);
  lua_replace(L, -2);
}
