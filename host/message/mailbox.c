/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox: the ring of requests. See mailbox.h.
 *
 * The values of the request in place p are at p * MAILBOX_VALUES + 1 and on; what is free
 * holds false, or what is no burden, so that the table is and stays an array. What is being
 * served is in the place before the first. */
#include "message/mailbox.h"

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

static void make_room(lua_State *L, const struct mailbox *box, int store, uint32_t room) {
  for (lua_Integer at = value_at(box->room, 1); at < value_at(room, 1); at++) {
    lua_pushboolean(L, 0);
    lua_rawseti(L, store, at);
  }
}

/* Copies the values that stand before [count] to the places from [room] on. */
static void copy_values(lua_State *L, struct mailbox *box, int store, uint32_t count) {
  for (uint32_t place = 0; place < count; place++) {
    box->requests[box->room + place] = box->requests[place];
    for (int i = 1; i <= box->requests[place].values; i++) {
      lua_rawgeti(L, store, value_at(place, i));
      lua_rawseti(L, store, value_at(box->room + place, i));
    }
  }
}

static void clear_values(lua_State *L, const struct mailbox *box, int store,
                         uint32_t place) {
  for (int i = 1; i <= box->requests[place].values; i++) {
    lua_pushboolean(L, 0);
    lua_rawseti(L, store, value_at(place, i));
  }
}

/* The ring is full: the part before the oldest request goes behind the rest. */
static void grow(lua_State *L, struct mailbox *box, int store) {
  uint32_t room = box->room ? 2 * box->room : FIRST_ROOM;
  struct request *requests = realloc(box->requests, room * sizeof *requests);
  if (!requests) luaL_error(L, "not enough memory");
  box->requests = requests;
  make_room(L, box, store, room);
  uint32_t oldest = box->room ? (box->first - box->serving) & (box->room - 1) : 0;
  copy_values(L, box, store, oldest);
  for (uint32_t place = 0; place < oldest; place++) clear_values(L, box, store, place);
  box->room = room;
  box->first = oldest + box->serving;
}

void mailbox_append(lua_State *L, struct mailbox *box, int store,
                    const struct request *request, int first) {
  if (box->waiting + box->serving >= box->room) grow(L, box, store);
  uint32_t place = (box->first + box->waiting) & (box->room - 1);
  for (int i = 0; i < request->values; i++) {
    lua_pushvalue(L, first + i);
    lua_rawseti(L, store, value_at(place, i + 1));
  }
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
  lua_rawgeti(L, store, value_at(served_place(box), number));
}

void mailbox_end(lua_State *L, struct mailbox *box, int store) {
  if (!box->served.clean && !box->closed) clear_values(L, box, store, served_place(box));
  box->serving = false;
}
