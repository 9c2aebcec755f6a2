/* SPDX-License-Identifier: Apache-2.0 */
/* Notifier: see notifier.h. The receiver of a state and its callback are a userdata and
 * its user value, under the address of a key in the registry. Thread: main. */
#include "api/notifier.h"

#include <lauxlib.h>

#include "api/api.h"
#include "process/notify.h"
#include "vm/vm.h"

static const char receiver_key;

struct receiver {
  struct notify *notify; /* NULL when closed */
  lua_State *L;          /* the main one */
};

/* pushes the receiver, or nil */
static struct receiver *push_receiver(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &receiver_key);
  return lua_touserdata(L, -1);
}

static void on_message(void *data, const struct notify_message *message) {
  struct receiver *receiver = data;
  lua_State *L = receiver->L;
  int top = lua_gettop(L);
  lua_checkstack(L, LUA_MINSTACK);
  push_receiver(L);
  lua_getiuservalue(L, -1, 1);
  lua_pushinteger(L, message->session);
  if (message->text)
    lua_pushlstring(L, message->text, message->len);
  else
    lua_pushnil(L);
  lua_pushinteger(L, message->pid);
  vm_call(L, 3, 0);
  lua_settop(L, top);
}

/* [function] at 1 -> its receiver on top */
static struct receiver *make_receiver(lua_State *L) {
  struct receiver *receiver = lua_newuserdatauv(L, sizeof *receiver, 1);
  *receiver = (struct receiver){0};
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  receiver->L = vm_of(L)->L;
  return receiver;
}

/* open(fn) -> address; nil, message, CODE */
static int open_receiver(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  if (push_receiver(L)) return luaL_error(L, "the receiver is open already");
  struct receiver *receiver = make_receiver(L);
  int error = notify_new(api_loop(L), on_message, receiver, &receiver->notify);
  if (error) return api_error(L, error);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &receiver_key);
  lua_pushstring(L, notify_address(receiver->notify));
  return 1;
}

static int close_receiver(lua_State *L) {
  notifier_close(L);
  return 0;
}

/* send(address, text) -> true, or nil, message, CODE */
static int send_text(lua_State *L) {
  size_t len;
  const char *address = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &len);
  return api_result(L, notify_send(address, text, len));
}

static const luaL_Reg functions[] = {
    {"open", open_receiver},
    {"close", close_receiver},
    {"send", send_text},
    {NULL, NULL},
};

int luaopen_host_notify(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

void notifier_close(lua_State *L) {
  struct receiver *receiver = push_receiver(L);
  lua_pop(L, 1);
  if (!receiver) return;
  notify_free(receiver->notify);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &receiver_key);
}
