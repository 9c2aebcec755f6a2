/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox: the ring of requests. See mailbox.h.
 *
 * The values of the request in place p are at p * MAILBOX_VALUES + 1 and on. What is being
 * served is in the place before the first. */
#include "mailbox.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { FIRST_ROOM = 4 };

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

/* L: [..., new store, old store] */
static void move_values(lua_State *L, uint32_t from, uint32_t to, int values) {
  for (int i = 1; i <= values; i++) {
    lua_rawgeti(L, -1, value_at(from, i));
    lua_rawseti(L, -3, value_at(to, i));
  }
}

static void grow(lua_State *L, struct mailbox *box, int at) {
  uint32_t room = box->room ? 2 * box->room : FIRST_ROOM;
  uint32_t held = box->serving, used = box->waiting + held;
  luaL_checkstack(L, MAILBOX_VALUES + LUA_MINSTACK, "mailbox");
  lua_createtable(L, (int)room * MAILBOX_VALUES, 0);
  struct request *requests = malloc(room * sizeof *requests);
  if (!requests) luaL_error(L, "not enough memory");
  lua_getiuservalue(L, at, MAILBOX_STORE);
  for (uint32_t i = 0; i < used; i++) {
    uint32_t place = (box->first - held + i) & (box->room - 1);
    requests[i] = box->requests[place];
    move_values(L, place, i, requests[i].values);
  }
  lua_pop(L, 1);
  lua_setiuservalue(L, at, MAILBOX_STORE);
  free(box->requests);
  box->requests = requests;
  box->room = room;
  box->first = held;
}

void mailbox_append(lua_State *L, struct mailbox *box, int at,
                    const struct request *request, int first) {
  if (box->waiting + box->serving >= box->room) grow(L, box, at);
  uint32_t place = (box->first + box->waiting) & (box->room - 1);
  lua_getiuservalue(L, at, MAILBOX_STORE);
  for (int i = 0; i < request->values; i++) {
    lua_pushvalue(L, first + i);
    lua_rawseti(L, -2, value_at(place, i + 1));
  }
  lua_pop(L, 1);
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

void mailbox_push_value(lua_State *L, const struct mailbox *box, int at, int number) {
  lua_getiuservalue(L, at, MAILBOX_STORE);
  lua_rawgeti(L, -1, value_at(served_place(box), number));
  lua_replace(L, -2);
}

void mailbox_push_values(lua_State *L, const struct mailbox *box, int at, int number) {
  lua_getiuservalue(L, at, MAILBOX_STORE);
  int store = lua_gettop(L);
  for (int i = number; i <= box->served.values; i++)
    lua_rawgeti(L, store, value_at(served_place(box), i));
  lua_remove(L, store);
}

void mailbox_end(lua_State *L, struct mailbox *box, int at) {
  lua_getiuservalue(L, at, MAILBOX_STORE);
  for (int i = 1; i <= box->served.values; i++) {
    lua_pushnil(L);
    lua_rawseti(L, -2, value_at(served_place(box), i));
  }
  lua_pop(L, 1);
  box->serving = false;
}
