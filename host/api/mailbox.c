/* SPDX-License-Identifier: Apache-2.0 */
/* host.mailbox: requests between workers of one runtime, the short way: no letter is made,
 * and no Lua runs between the caller and the handler. What is not plain (a target that is
 * not known yet, a full mailbox, an event, ...) goes the long way, which Lua has.
 * Documented in lua/meta/host_mailbox.lua. Thread: the runtime's. A method has its long way
 * and the routes as upvalues 2 and 3. */
#include "api/mailbox_serve.h"

#include <string.h>

#include "api/api.h"
#include "executor/runtime.h"
#include "executor/task.h"
#include "message/codec.h"
#include "vm/vm.h"

enum { MOST_ROUTES = 1000 };
#define TYPE "luvisor.queue"

struct office *api_office(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

static struct mailbox *check(lua_State *L) {
  return luaL_checkudata(L, 1, TYPE);
}

/* ---- to a worker ---- */

static int returned(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return lua_gettop(L);
}

static int long_way(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, returned);
  return lua_gettop(L);
}

/* The mailbox that the target at 2 leads to, which it pushes, and [*task] of its worker;
 * NULL where that cannot be said here, or it takes nothing now. */
static struct mailbox *reach(lua_State *L, struct tasks *tasks, struct task **task) {
  int values = lua_gettop(L) - 2;
  if (values < 1 || values > MAILBOX_VALUES) return NULL;
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(3));
  struct mailbox *box = lua_touserdata(L, -1);
  bool open = box && !box->closed && !box->watched && box->count < box->limit;
  *task = open ? task_find(tasks, box->task) : NULL;
  if (*task) return box;
  lua_pop(L, 1);
  return NULL;
}

/* Whether the name is short, and all other values are numbers and the like. */
static bool is_clean(lua_State *L, int count) {
  for (int i = 3; i < 3 + count; i++) {
    int type = lua_type(L, i);
    if (type == LUA_TTABLE) return false;
    if (type == LUA_TSTRING && (i > 3 || lua_rawlen(L, i) > MAILBOX_SHORT)) return false;
  }
  return true;
}

/* Puts in the request with copies of the values from 3 to the box on top; the number of results if they
 * cannot be sent, else 0. */
static int put(lua_State *L, struct mailbox *box, struct task *task,
               struct request *request) {
  struct codec_problem problem;
  int at = lua_gettop(L), count = at - 3;
  int code = codec_copy_values(L, 3, count, &problem);
  if (code < 0) return api_refused(L, code, problem.text);
  if (box->closed || !task_find(api_tasks(L), box->task)) { /* copying may run anything */
    lua_settop(L, at - 1);
    return long_way(L);
  }
  request->values = (uint8_t)count;
  request->clean = is_clean(L, count);
  lua_getiuservalue(L, at, MAILBOX_STORE);
  mailbox_append(L, box, at + 1, request, 3);
  box->count++;
  box->received++;
  task_mail(api_tasks(L), task, true);
  return 0;
}

static void count_sent(struct task *current) {
  if (current && current->running) current->sent++;
}

/* cast(self, target, name, ...) */
static int cast(lua_State *L) {
  struct tasks *tasks = api_tasks(L);
  struct request request = {.kind = REQUEST_CAST};
  struct task *task;
  struct mailbox *box = reach(L, tasks, &task);
  if (!box) return long_way(L);
  count_sent(tasks_current(tasks));
  int results = put(L, box, task, &request);
  if (results) return results;
  lua_pushboolean(L, 1);
  return 1;
}

/* call(self, target, name, ...) */
static int call(lua_State *L) {
  struct tasks *tasks = api_tasks(L);
  struct task *current = tasks_current(tasks), *task;
  if (!current || !current->running || current->raising) return long_way(L);
  if (!tasks_run_on(tasks, L) || !lua_isyieldable(L)) return long_way(L);
  struct mailbox *box = reach(L, tasks, &task);
  if (box && task == current) lua_pop(L, 1), box = NULL;
  if (!box) return long_way(L);
  struct request request = {.kind = REQUEST_CALL, .caller = task_handle(current)};
  request.wait = task_reserve_wait(current);
  count_sent(current);
  int results = put(L, box, task, &request);
  if (results) return results;
  lua_settop(L, 0);
  return api_wait(L, current, WAIT_ANSWER, box->timeout);
}

/* ---- the queue, for the long way ---- */

/* open(task, unit, limit) -> queue */
static int open(lua_State *L) {
  uint64_t task = (uint64_t)luaL_checkinteger(L, 1);
  lua_Integer limit = luaL_checkinteger(L, 3);
  struct mailbox *box = lua_newuserdatauv(L, sizeof *box, MAILBOX_PARTS);
  *box = (struct mailbox){.task = task, .limit = (uint32_t)limit};
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

/* In their place: the methods have the table as well. */
static void clear_routes(lua_State *L) {
  api_office(L)->routes = 0;
  lua_getiuservalue(L, lua_upvalueindex(1), 1);
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

static int forget(lua_State *L) {
  if (api_office(L)->routes) clear_routes(L);
  return 0;
}

/* route(target, queue, timeout): from now on the target leads there */
static int route(lua_State *L) {
  struct mailbox *box = luaL_checkudata(L, 2, TYPE);
  box->timeout = schedule_ns(luaL_checknumber(L, 3));
  lua_settop(L, 2);
  if (++api_office(L)->routes > MOST_ROUTES) clear_routes(L);
  lua_getiuservalue(L, lua_upvalueindex(1), 1);
  lua_insert(L, 1);
  lua_rawset(L, 1);
  return 0;
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
  lua_getiuservalue(L, lua_upvalueindex(1), 1);
  lua_pushcclosure(L, is_call ? call : cast, 3);
  return 1;
}

static const luaL_Reg functions[] = {
    {"open", open},     {"forget", forget},
    {"route", route},   {"set_handlers", set_handlers},
    {"method", method}, {"serve", api_serve},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"enter", enter},     {"add_room", add_room}, {"push", push},
    {"take", take},       {"give_up", give_up},   {"defer", defer},
    {"note", note},       {"set_due", set_due},   {"watch", watch},
    {"waiting", waiting}, {"close", close},       {"statistics", statistics},
    {"__gc", close},      {NULL, NULL},
};

static void push_office(lua_State *L) {
  struct office *office = lua_newuserdatauv(L, sizeof *office, 1);
  *office = (struct office){.routes = 0};
  for (int i = 0; i < SLOWS; i++) office->slow[i] = LUA_NOREF;
  lua_pushliteral(L, "_queue");
  office->queue = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
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
