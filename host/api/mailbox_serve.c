/* SPDX-License-Identifier: Apache-2.0 */
/* host.mailbox, serving: requests one after the other on the worker's coroutine, with the
 * handlers of its definition. See mailbox.h. Thread: the runtime's. */
#include <string.h>

#include "api/api.h"
#include "api/link_calls.h"
#include "api/mailbox_serve.h"
#include "executor/runtime.h"
#include "executor/task.h"
#include "message/codec.h"

enum { BATCH = 64 };                 /* requests served in one turn, */
#define SPAN (UINT64_C(5) * 1000000) /* and ns after which no other is begun in it */
enum { LOOK = 8 };                   /* requests between two looks at the clock, */
#define SOON (UINT64_C(200) * 1000)  /* where the first of them were done in that time */
/* What serve has on its stack, with BOX and STORE. Spec and state stay as they are: they
 * change at boundaries of the worker, and this is none. */
enum { INSTANCE = 1, SPEC = STORE + 1, STATE, HOT_CAST, HOT_CALL, REST };

static int go_on(lua_State *L, struct mailbox *box);

static void push_slow(lua_State *L, enum slow which) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, api_office(L)->slow[which]);
  lua_pushvalue(L, INSTANCE);
}

void api_push_letter(lua_State *L, const struct mailbox *box) {
  const struct request *request = &box->served;
  mailbox_push_value(L, box, STORE, 1);
  if (request->kind == REQUEST_LETTER) return;
  lua_pop(L, 1);
  lua_createtable(L, request->values, 4);
  for (int i = 1; i <= request->values; i++) {
    mailbox_push_value(L, box, STORE, i);
    lua_rawseti(L, -2, i);
  }
  lua_pushinteger(L, request->values);
  lua_setfield(L, -2, "n");
  lua_pushstring(L, request->kind == REQUEST_CALL ? "call" : "cast");
  lua_setfield(L, -2, "kind");
  if (request->kind != REQUEST_CALL) return;
  if (request->far) {
    link_calls_push_answer(L, request);
    lua_setfield(L, -2, "answer");
    return;
  }
  lua_pushinteger(L, (lua_Integer)request->caller);
  lua_setfield(L, -2, "task");
  lua_pushinteger(L, request->wait);
  lua_setfield(L, -2, "number");
}

/* L: [..., name] -> [..., handler or nil] */
static void choose(lua_State *L, bool is_call) {
  int name = lua_gettop(L), handlers = name + 1, found = name + 2;
  lua_getfield(L, SPEC, "definition");
  lua_getfield(L, -1, is_call ? "calls" : "casts");
  lua_replace(L, handlers);
  lua_pushvalue(L, name);
  if (lua_istable(L, handlers) && lua_rawget(L, handlers) == LUA_TTABLE) {
    lua_getfield(L, STATE, "name");
    if (lua_rawget(L, found) == LUA_TNIL) lua_getfield(L, found, "any");
  } else {
    lua_pushnil(L);
  }
  lua_replace(L, name);
  lua_settop(L, name);
}

static void find_handler(lua_State *L, struct mailbox *box, bool is_call) {
  mailbox_push_value(L, box, STORE, 1);
  lua_pushvalue(L, REST);
  choose(L, is_call);
  box->hot[is_call] = lua_isfunction(L, -1) ? names_keep(box->names, L, REST) : 0;
  lua_replace(L, REST);
  lua_pushvalue(L, REST);
  lua_setiuservalue(L, BOX, MAILBOX_HOT + is_call);
  box->at_hand[is_call] = false;
}

static uint8_t served_name(lua_State *L, const struct mailbox *box) {
  if (box->served.name) return box->served.name;
  mailbox_push_value(L, box, STORE, 1);
  uint8_t name = names_find(box->names, L, -1);
  lua_pop(L, 1);
  return name;
}

/* Pushes the handler of the request that is served, or what is none; that of the last one
 * is at hand. */
static bool push_handler(lua_State *L, struct mailbox *box) {
  bool is_call = box->served.kind == REQUEST_CALL;
  uint8_t name = served_name(L, box);
  if (!name || name != box->hot[is_call]) {
    find_handler(L, box, is_call);
    return lua_isfunction(L, REST);
  }
  if (!box->at_hand[is_call]) {
    lua_getiuservalue(L, BOX, MAILBOX_HOT + is_call);
    lua_replace(L, HOT_CAST + is_call);
    box->at_hand[is_call] = true;
  }
  lua_pushvalue(L, HOT_CAST + is_call);
  return true;
}

/* [instance, box] -> [instance, box, store, spec, state, nil, nil]; handlers of another
 * state are not at hand. The spec is kept, or its address may come to mean another. */
static void push_parts(lua_State *L, struct mailbox *box) {
  lua_getiuservalue(L, BOX, MAILBOX_STORE);
  lua_getiuservalue(L, BOX, MAILBOX_UNIT);
  lua_getfield(L, SPEC, "state");
  lua_getfield(L, SPEC, "spec");
  lua_replace(L, SPEC);
  lua_settop(L, REST - 1);
  box->at_hand[0] = box->at_hand[1] = false;
  if (lua_topointer(L, SPEC) == box->spec && lua_topointer(L, STATE) == box->state)
    return;
  box->spec = lua_topointer(L, SPEC);
  box->state = lua_topointer(L, STATE);
  box->hot[0] = box->hot[1] = 0;
  lua_pushvalue(L, SPEC);
  lua_setiuservalue(L, BOX, MAILBOX_SPEC);
}

/* What comes of the event or nil on top: 1 when there is one, which ends the turn. */
static int took_event(lua_State *L) {
  if (!lua_isnil(L, -1)) return 1;
  lua_settop(L, REST - 1);
  return 0;
}

static int letter_served(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return took_event(L) ? go_on(L, NULL) : go_on(L, lua_touserdata(L, BOX));
}

static bool has_event(lua_State *L) {
  if (lua_gettop(L) < REST || lua_isnil(L, REST)) return false;
  return lua_type(L, REST) != LUA_TSTRING || strcmp(lua_tostring(L, REST), "keepalive");
}

static bool is_postponed(lua_State *L) {
  return lua_istable(L, REST) && lua_topointer(L, REST) == api_office(L)->postpone;
}

/* [results...] -> event or nothing: by Lua, which knows of postponing and all that. */
static int conclude_long(lua_State *L, struct mailbox *box) {
  push_slow(L, SLOW_CONCLUDE);
  api_push_letter(L, box);
  lua_pushboolean(L, box->deferred);
  lua_rotate(L, REST, 4);
  mailbox_end(L, box, STORE);
  lua_call(L, lua_gettop(L) - REST, 1);
  return took_event(L);
}

static void answer(lua_State *L, struct mailbox *box) {
  struct tasks *tasks = api_tasks(L);
  struct codec_problem problem;
  int count = lua_gettop(L) - (REST - 1);
  int code = box->served.far ? link_calls_answer(L, &box->served, REST, count, &problem)
                             : codec_copy_values(L, REST, count, &problem);
  if (code < 0) {
    mailbox_push_value(L, box, STORE, 1);
    luaL_error(L, "reply to call %s: %s", luaL_tolstring(L, -1, NULL), problem.text);
  }
  struct request request = box->served;
  mailbox_end(L, box, STORE);
  struct task *task = request.far ? NULL : task_find(tasks, request.caller);
  if (task) task_wake(tasks, task, request.wait, L, count);
}

/* [results...] -> event or nothing */
static int conclude(lua_State *L, struct mailbox *box) {
  bool is_call = box->served.kind == REQUEST_CALL;
  bool plain = !box->noted && !box->deferred;
  int top = lua_gettop(L);
  if (plain && !is_call && top < REST) {
    mailbox_end(L, box, STORE);
    return 0;
  }
  if (top > REST + 4) luaL_checkstack(L, LUA_MINSTACK, "too many results");
  if (!plain || (is_call ? is_postponed(L) : has_event(L))) return conclude_long(L, box);
  if (is_call)
    answer(L, box);
  else
    mailbox_end(L, box, STORE);
  lua_settop(L, REST - 1);
  return 0;
}

static int handled(lua_State *L, int status, lua_KContext context) {
  struct mailbox *box = lua_touserdata(L, BOX);
  (void)status;
  (void)context;
  return go_on(L, conclude(L, box) ? NULL : box);
}

/* Serves the first request; whether an event came of it. */
static int serve_first(lua_State *L, struct mailbox *box) {
  box->count--;
  if (box->served.kind == REQUEST_LETTER) {
    push_slow(L, SLOW_LETTER);
    api_push_letter(L, box);
    mailbox_end(L, box, STORE);
    lua_callk(L, 2, 1, 0, letter_served);
    return took_event(L);
  }
  if (push_handler(L, box)) {
    lua_pushvalue(L, INSTANCE);
    for (int i = 2; i <= box->served.values; i++) mailbox_push_value(L, box, STORE, i);
    lua_callk(L, box->served.values, LUA_MULTRET, 0, handled);
    return conclude(L, box);
  }
  push_slow(L, SLOW_UNKNOWN);
  api_push_letter(L, box);
  mailbox_end(L, box, STORE);
  lua_call(L, 2, 0);
  lua_settop(L, REST - 1);
  return 0;
}

/* What was done quickly so far will go on so for a while: a clock costs as much as a
 * request, and one that takes long is cut short anyway. */
static bool may_begin(lua_State *L, struct mailbox *box) {
  if (++box->batch < box->look) return true;
  uint64_t took = schedule_read(runtime_schedule(api_runtime(L))) - box->began;
  box->look = box->batch + (took < SOON ? LOOK : 1);
  return box->batch <= BATCH && took <= SPAN;
}

/* Serves on, or ends with the event on top where there is no [box]. */
static int go_on(lua_State *L, struct mailbox *box) {
  bool event = !box;
  while (!event && box->waiting && may_begin(L, box)) {
    mailbox_begin(box);
    event = serve_first(L, box);
  }
  if (!event) lua_pushliteral(L, "keepalive");
  box = lua_touserdata(L, BOX);
  if (box->waiting) {
    struct tasks *tasks = api_tasks(L);
    struct task *task = task_find(tasks, box->task);
    if (task) task_mail(tasks, task, true);
  }
  return 1;
}

int api_serve(lua_State *L) {
  lua_settop(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, api_office(L)->queue);
  lua_rawget(L, INSTANCE);
  struct mailbox *box = lua_touserdata(L, BOX);
  if (!box) {
    lua_pushliteral(L, "keepalive");
    return 1;
  }
  push_parts(L, box);
  box->batch = 0;
  box->look = 2; /* the first is served in any case */
  box->began = runtime_schedule(api_runtime(L))->now;
  if (box->due) {
    box->due = false;
    push_slow(L, SLOW_DUE);
    lua_call(L, 1, 1);
    if (took_event(L)) box = NULL;
  }
  return go_on(L, box);
}
