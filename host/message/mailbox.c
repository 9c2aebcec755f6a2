/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox: the ring of requests. See mailbox.h.
 *
 * The values of the request in place p that are in the table are at p * MAILBOX_VALUES + 1
 * and on; what is free holds false, so that the table is and stays an array, which has no
 * room before it is needed. What is being served is in the place before the first. */
#include "message/mailbox.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "message/names.h"

enum { FIRST_ROOM = 4 };
enum { FLOAT = LUA_NUMTYPES }; /* LUA_TNUMBER is an integer */

void mailbox_close(struct mailbox *box) {
  free(box->requests);
  box->requests = NULL;
  box->room = box->waiting = 0;
  box->closed = true;
  box->serving = false;
}

static uint32_t served_place(const struct mailbox *box) {
  return (box->first - 1) & (box->room - 1);
}

static lua_Integer value_at(uint32_t place, int number) {
  return (lua_Integer)place * MAILBOX_VALUES + number;
}

/* How many values of the request are in the table. */
static int stored_values(const struct request *request) {
  return request->name ? 0 : request->values;
}

static void make_room(lua_State *L, int store, uint32_t from, uint32_t to) {
  for (lua_Integer at = value_at(from, 1); at < value_at(to, 1); at++) {
    lua_pushboolean(L, 0);
    lua_rawseti(L, store, at);
  }
}

static void clear_values(lua_State *L, const struct request *request, int store,
                         uint32_t place) {
  for (int i = 1; i <= stored_values(request); i++) {
    lua_pushboolean(L, 0);
    lua_rawseti(L, store, value_at(place, i));
  }
}

/* Moves the requests that stand before [count] to the places from [to] on. */
static void move(lua_State *L, struct mailbox *box, int store, uint32_t count,
                 uint32_t to) {
  for (uint32_t place = 0; place < count; place++) {
    const struct request *request = &box->requests[place];
    box->requests[to + place] = *request;
    for (int i = 1; i <= stored_values(request); i++) {
      lua_rawgeti(L, store, value_at(place, i));
      lua_rawseti(L, store, value_at(to + place, i));
    }
    clear_values(L, request, store, place);
  }
}

/* The ring is full: the part before the oldest request goes behind the rest. */
static void grow(lua_State *L, struct mailbox *box, int store) {
  uint32_t old = box->room, room = old ? 2 * old : FIRST_ROOM;
  struct request *requests = realloc(box->requests, room * sizeof *requests);
  if (!requests) luaL_error(L, "not enough memory");
  box->requests = requests;
  if (box->tabled) make_room(L, store, old, room);
  uint32_t oldest = old ? (box->first - box->serving) & (old - 1) : 0;
  move(L, box, store, oldest, old);
  box->room = room;
  box->first = oldest + box->serving;
}

static bool pack_value(lua_State *L, int index, uint8_t *type, union plain *value) {
  *type = (uint8_t)lua_type(L, index);
  switch (*type) {
    case LUA_TNIL: return true;
    case LUA_TBOOLEAN: value->boolean = lua_toboolean(L, index); return true;
    case LUA_TNUMBER: break;
    default: return false;
  }
  if (lua_isinteger(L, index)) {
    value->integer = lua_tointeger(L, index);
    return true;
  }
  *type = FLOAT;
  value->number = lua_tonumber(L, index);
  return true;
}

static void push_plain(lua_State *L, uint8_t type, const union plain *value) {
  switch (type) {
    case LUA_TNUMBER: lua_pushinteger(L, value->integer); break;
    case FLOAT: lua_pushnumber(L, value->number); break;
    case LUA_TBOOLEAN: lua_pushboolean(L, value->boolean); break;
    default: lua_pushnil(L);
  }
}

bool mailbox_pack(lua_State *L, const struct mailbox *box, struct request *request,
                  int first) {
  uint8_t name = names_find(box->names, L, first);
  if (!name) return false;
  for (int i = 0; i < request->values - 1; i++)
    if (!pack_value(L, first + 1 + i, &request->types[i], &request->plain[i]))
      return false;
  request->name = name;
  return true;
}

static void store_values(lua_State *L, struct mailbox *box, int store, uint32_t place,
                         int first, int count) {
  if (!box->tabled) make_room(L, store, 0, box->room);
  box->tabled = true;
  for (int i = 0; i < count; i++) {
    lua_pushvalue(L, first + i);
    lua_rawseti(L, store, value_at(place, i + 1));
  }
}

void mailbox_append(lua_State *L, struct mailbox *box, int store,
                    const struct request *request, int first) {
  if (box->waiting + box->serving >= box->room) grow(L, box, store);
  uint32_t place = (box->first + box->waiting) & (box->room - 1);
  if (!request->name) store_values(L, box, store, place, first, request->values);
  box->requests[place] = *request;
  box->waiting++;
}

bool mailbox_begin(struct mailbox *box) {
  if (!box->waiting) return false;
  box->served = box->requests[box->first];
  box->first = (box->first + 1) & (box->room - 1);
  box->waiting--;
  box->serving = true;
  box->deferred = box->noted = false;
  return true;
}

void mailbox_push_value(lua_State *L, const struct mailbox *box, int store, int number) {
  const struct request *served = &box->served;
  if (!served->name)
    lua_rawgeti(L, store, value_at(served_place(box), number));
  else if (number == 1)
    names_push(box->names, L, served->name);
  else
    push_plain(L, served->types[number - 2], &served->plain[number - 2]);
}

void mailbox_end(lua_State *L, struct mailbox *box, int store) {
  if (!box->served.name && !box->closed)
    clear_values(L, &box->served, store, served_place(box));
  box->serving = false;
}
