/* SPDX-License-Identifier: Apache-2.0 */
/* host.mailbox: requests between workers of one runtime, the short way: no letter is made,
 * and no Lua runs between the caller and the handler. What is not plain (a target that is
 * not known yet, a full mailbox, an event, ...) goes the long way, which Lua has.
 * Documented in lua/meta/host_mailbox.lua. Thread: the runtime's. A method has its long way,
 * the routes and the lines as upvalues 2 to 4. */
#include "api/mailbox_serve.h"

#include <string.h>

#include "api/api.h"
#include "api/link_calls.h"
#include "api/links.h"
#include "executor/runtime.h"

enum { MOST_ROUTES = 1000 };
#define TYPE "luvisor.queue"

static const char office_key;

struct office *api_office(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

struct office *api_find_office(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &office_key);
  return lua_touserdata(L, -1);
}

static struct mailbox *check(lua_State *L) {
  return luaL_checkudata(L, 1, TYPE);
}

/* ---- the queue, for the long way ---- */

/* open(task, unit, limit) -> queue */
static int open(lua_State *L) {
  uint64_t task = (uint64_t)luaL_checkinteger(L, 1);
  lua_Integer limit = luaL_checkinteger(L, 3);
  struct mailbox *box = lua_newuserdatauv(L, sizeof *box, MAILBOX_PARTS);
  *box = (struct mailbox){.task = task, .limit = (uint32_t)limit};
  box->names = &api_office(L)->names;
  luaL_setmetatable(L, TYPE);
  lua_newtable(L);
  lua_setiuservalue(L, -2, MAILBOX_STORE);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, MAILBOX_UNIT);
  return 1;
}

/* enter(force) -> whether there is room, which is taken */
static int enter(lua_State *L) {
  struct mailbox *box = check(L);
  bool taken = box->count < box->limit || lua_toboolean(L, 2);
  if (taken) box->count++, box->received++;
  lua_pushboolean(L, taken);
  return 1;
}

static int add_room(lua_State *L) {
  struct mailbox *box = check(L);
  box->count += (uint32_t)luaL_checkinteger(L, 2);
  return 0;
}

static int push(lua_State *L) {
  struct mailbox *box = check(L);
  struct request request = {.kind = REQUEST_LETTER, .values = 1};
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_getiuservalue(L, 1, MAILBOX_STORE);
  if (!box->closed) mailbox_append(L, box, lua_gettop(L), &request, 2);
  return 0;
}

/* [box] -> [box, box, store]: where api_push_letter has it */
static void push_store(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_getiuservalue(L, BOX, MAILBOX_STORE);
}

/* take() -> the first request as a letter, or nothing; not while one is served */
static int take(lua_State *L) {
  struct mailbox *box = check(L);
  push_store(L);
  if (box->serving || !mailbox_begin(box)) return 0;
  api_push_letter(L, box);
  mailbox_end(L, box, STORE);
  return 1;
}

static int push_served_call(lua_State *L, struct mailbox *box) {
  push_store(L);
  if (!box->serving || box->served.kind != REQUEST_CALL) return 0;
  api_push_letter(L, box);
  return 1;
}

/* give_up() -> the call that is being served and has no answer, as a letter, or nothing */
static int give_up(lua_State *L) {
  struct mailbox *box = check(L);
  int results = push_served_call(L, box);
  if (box->serving) mailbox_end(L, box, STORE);
  return box->deferred ? 0 : results;
}

/* defer() -> the call that is being served, whose answer comes later, or nothing */
static int defer(lua_State *L) {
  struct mailbox *box = check(L);
  int results = push_served_call(L, box);
  box->deferred = results > 0;
  return results;
}

static int note(lua_State *L) {
  struct mailbox *box = check(L);
  lua_pushboolean(L, box->serving);
  box->noted = box->serving;
  return 1;
}

static int set_due(lua_State *L) {
  check(L)->due = true;
  return 0;
}

static int watch(lua_State *L) {
  check(L)->watched = lua_toboolean(L, 2);
  return 0;
}

/* waiting() -> requests that wait; whether one is being served */
static int waiting(lua_State *L) {
  const struct mailbox *box = check(L);
  lua_pushinteger(L, box->waiting);
  lua_pushboolean(L, box->serving);
  return 2;
}

/* statistics() -> letters that have come, letters that wait */
static int statistics(lua_State *L) {
  const struct mailbox *box = check(L);
  lua_pushinteger(L, (lua_Integer)box->received);
  lua_pushinteger(L, box->count);
  return 2;
}

static int close(lua_State *L) {
  mailbox_close(check(L));
  for (int part = MAILBOX_STORE; part <= MAILBOX_PARTS; part++) {
    lua_pushnil(L);
    lua_setiuservalue(L, 1, part);
  }
  return 0;
}

/* ---- the office ---- */

/* In their place: the methods have the tables as well. */
static void clear(lua_State *L, int which) {
  lua_getiuservalue(L, lua_upvalueindex(1), which);
  int routes = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, routes)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, routes);
  }
  lua_pop(L, 1);
}

static void clear_routes(lua_State *L) {
  api_office(L)->routes = 0;
  api_office(L)->target = NULL;
  clear(L, OFFICE_ROUTES);
  clear(L, OFFICE_LINES);
}

static int forget(lua_State *L) {
  if (api_office(L)->routes) clear_routes(L);
  return 0;
}

/* [target, to] -> [] */
static int add_route(lua_State *L, int which) {
  api_office(L)->target = NULL;
  if (++api_office(L)->routes > MOST_ROUTES) clear_routes(L);
  lua_getiuservalue(L, lua_upvalueindex(1), which);
  lua_insert(L, -3);
  lua_rawset(L, -3);
  return 0;
}

/* route(target, queue, timeout): from now on the target leads there */
static int route(lua_State *L) {
  struct mailbox *box = luaL_checkudata(L, 2, TYPE);
  box->timeout = schedule_ns(luaL_checknumber(L, 3));
  lua_settop(L, 2);
  return add_route(L, OFFICE_ROUTES);
}

/* route_far(target, link, timeout, address): from now on the target leads over that link */
static int route_far(lua_State *L) {
  struct link_calls *calls = api_link_calls(L, 2);
  luaL_argcheck(L, calls, 2, "not a link");
  uint64_t timeout = schedule_ns(luaL_checknumber(L, 3));
  luaL_checkstring(L, 4);
  lua_settop(L, 4);
  lua_pushvalue(L, 1);
  link_calls_push_line(L, 2, calls, 4);
  *link_calls_timeout(L, -1) = timeout;
  return add_route(L, OFFICE_LINES);
}

static int set_handlers(lua_State *L) {
  static const char *const names[SLOWS] = {"due", "letter", "unknown", "conclude"};
  struct office *office = api_office(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  for (int i = 0; i < SLOWS; i++) {
    luaL_unref(L, LUA_REGISTRYINDEX, office->slow[i]);
    lua_getfield(L, 1, names[i]);
    office->slow[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_getfield(L, 1, "postpone");
  office->postpone = lua_topointer(L, -1);
  return 0;
}

/* method("call"|"cast", fn) -> a method of workers that goes the short way if it can */
static int method(lua_State *L) {
  bool is_call = strcmp(luaL_checkstring(L, 1), "call") == 0;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 2);
  lua_getiuservalue(L, lua_upvalueindex(1), OFFICE_ROUTES);
  lua_getiuservalue(L, lua_upvalueindex(1), OFFICE_LINES);
  lua_pushcclosure(L, is_call ? api_call : api_cast, 4);
  return 1;
}

/* index(methods, otherwise) -> the __index of workers */
static int make_index(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushcclosure(L, api_index, 2);
  return 1;
}

static const luaL_Reg functions[] = {
    {"open", open},           {"forget", forget},    {"route", route},
    {"route_far", route_far}, {"method", method},    {"set_handlers", set_handlers},
    {"serve", api_serve},     {"index", make_index}, {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"enter", enter},     {"add_room", add_room}, {"push", push},
    {"take", take},       {"give_up", give_up},   {"defer", defer},
    {"note", note},       {"set_due", set_due},   {"watch", watch},
    {"waiting", waiting}, {"close", close},       {"statistics", statistics},
    {"__gc", close},      {NULL, NULL},
};

static int free_office(lua_State *L) {
  codec_buffer_free(&((struct office *)lua_touserdata(L, 1))->frame);
  return 0;
}

static void push_office(lua_State *L) {
  struct office *office = lua_newuserdatauv(L, sizeof *office, OFFICE_LINES);
  *office = (struct office){.routes = 0};
  names_open(&office->names, L);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, free_office);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  for (int i = 0; i < SLOWS; i++) office->slow[i] = LUA_NOREF;
  lua_pushliteral(L, "_queue");
  office->queue = luaL_ref(L, LUA_REGISTRYINDEX);
  for (int which = OFFICE_ROUTES; which <= OFFICE_LINES; which++) {
    lua_newtable(L);
    lua_setiuservalue(L, -2, which);
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &office_key);
}

int luaopen_host_mailbox(lua_State *L) {
  luaL_newmetatable(L, TYPE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  luaL_newlibtable(L, functions);
  push_office(L);
  luaL_setfuncs(L, functions, 1);
  return 1;
}
