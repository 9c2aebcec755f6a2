/* SPDX-License-Identifier: Apache-2.0 */
/* host.mailbox, sending: the short way into the mailbox of another worker, here or in
 * another runtime. See mailbox.c, which says what the upvalues are. Thread: the
 * runtime's. */
#include "api/api.h"
#include "api/link_calls.h"
#include "api/mailbox_serve.h"
#include "executor/runtime.h"
#include "executor/task.h"

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

/* The task of the mailbox's worker; NULL where it takes nothing now. */
static struct task *open_task(lua_State *L, const struct mailbox *box) {
  bool open = !box->closed && !box->watched && box->count < box->limit;
  return open ? task_find(api_tasks(L), box->task) : NULL;
}

/* The mailbox on top, or nil, and [*task] of its worker; NULL, with that popped, where it
 * takes nothing now. */
static struct mailbox *open_box(lua_State *L, struct task **task) {
  struct mailbox *box = lua_touserdata(L, -1);
  *task = box ? open_task(L, box) : NULL;
  if (*task) return box;
  lua_pop(L, 1);
  return NULL;
}

/* The mailbox that the target at 2 leads to, which it pushes, and [*task] of its worker;
 * NULL where that cannot be said here, or it takes nothing now. */
static struct mailbox *reach(lua_State *L, struct task **task) {
  int values = lua_gettop(L) - 2;
  if (values < 1 || values > MAILBOX_VALUES) return NULL;
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(3));
  return open_box(L, task);
}

static void count_in(lua_State *L, struct mailbox *box, struct task *task) {
  box->count++;
  box->received++;
  task_mail(api_tasks(L), task, true);
}

/* Puts in the request, whose values stand from [first] on where it has not taken them. */
static void enqueue(lua_State *L, int box_at, struct mailbox *box, struct task *task,
                    const struct request *request, int first) {
  if (mailbox_needs_store(box, request)) lua_getiuservalue(L, box_at, MAILBOX_STORE);
  mailbox_append(L, box, lua_gettop(L), request, first);
  count_in(L, box, task);
}

/* Puts in the request with copies of the values from 3 to the box on top; the number of
 * results if they cannot be sent, else 0. */
static int put(lua_State *L, struct mailbox *box, struct task *task,
               struct request *request) {
  struct codec_problem problem;
  int at = lua_gettop(L), count = at - 3;
  request->values = (uint8_t)count;
  if (!mailbox_pack(L, box, request, 3)) {
    int code = codec_copy_values(L, 3, count, &problem);
    if (code < 0) return api_refused(L, code, problem.text);
    if (box->closed ||
        !task_find(api_tasks(L), box->task)) { /* copying may run anything */
      lua_settop(L, at - 1);
      return long_way(L);
    }
  }
  enqueue(L, at, box, task, request, 3);
  return 0;
}

static void count_sent(struct task *current) {
  if (current && current->running) current->sent++;
}

/* To where the last cast went, if nothing of the request is an object. */
static bool cast_again(lua_State *L, const struct office *office,
                       struct request *request) {
  int count = lua_gettop(L) - 2;
  struct mailbox *box = office->box;
  if (lua_topointer(L, 2) != office->target || count > MAILBOX_VALUES) return false;
  struct task *task = open_task(L, box);
  request->values = (uint8_t)count;
  if (!task || !mailbox_pack(L, box, request, 3)) return false;
  if (mailbox_needs_store(box, request)) return false;
  mailbox_append(L, box, 0, request, 0);
  count_in(L, box, task);
  return true;
}

/* Where the target at 2 leads, while the routes keep it: of a long string they have one that
 * is equal, and the address of this one may soon be that of another. */
static void remember_target(lua_State *L, struct office *office, struct mailbox *box) {
  bool is_kept = lua_type(L, 2) != LUA_TSTRING || lua_rawlen(L, 2) <= NAMES_SHORT;
  office->target = is_kept ? lua_topointer(L, 2) : NULL;
  office->box = box;
}

/* cast(self, target, name, ...) */
int api_cast(lua_State *L) {
  struct office *office = api_office(L);
  struct task *current = tasks_current(api_tasks(L)), *task;
  struct request request = {.kind = REQUEST_CAST};
  if (office->target && cast_again(L, office, &request)) {
    count_sent(current);
    lua_pushboolean(L, 1);
    return 1;
  }
  struct mailbox *box = reach(L, &task);
  if (!box) return long_way(L);
  remember_target(L, office, box);
  count_sent(current);
  int results = put(L, box, task, &request);
  if (results) return results;
  lua_pushboolean(L, 1);
  return 1;
}

/* To another runtime, if the target is known to be there. */
static int call_far(lua_State *L, struct task *current) {
  lua_pushvalue(L, 2);
  bool known = lua_rawget(L, lua_upvalueindex(4)) == LUA_TUSERDATA;
  uint32_t wait = task_reserve_wait(current);
  if (!known || !link_calls_send(L, &api_office(L)->frame, task_handle(current), wait)) {
    lua_pop(L, 1);
    return long_way(L);
  }
  uint64_t timeout = *link_calls_timeout(L, -1);
  count_sent(current);
  lua_settop(L, 0);
  return api_wait(L, current, WAIT_ANSWER, timeout);
}

/* call(self, target, name, ...) */
int api_call(lua_State *L) {
  struct tasks *tasks = api_tasks(L);
  struct task *current = tasks_current(tasks), *task;
  if (!current || !current->running || current->raising) return long_way(L);
  if (!tasks_run_on(tasks, L) || !lua_isyieldable(L)) return long_way(L);
  struct mailbox *box = reach(L, &task);
  if (!box) return call_far(L, current);
  if (task == current) {
    lua_pop(L, 1);
    return long_way(L);
  }
  struct request request = {.kind = REQUEST_CALL, .caller = task_handle(current)};
  request.wait = task_reserve_wait(current);
  count_sent(current);
  int results = put(L, box, task, &request);
  if (results) return results;
  lua_settop(L, 0);
  return api_wait(L, current, WAIT_ANSWER, box->timeout);
}

int api_index(lua_State *L) {
  lua_pushvalue(L, 2);
  switch (lua_rawget(L, lua_upvalueindex(1))) {
    case LUA_TFUNCTION: return 1;
    case LUA_TBOOLEAN:
      lua_getfield(L, 1, "_unit");
      lua_getfield(L, -1, "stopping");
      if (lua_isnil(L, -1)) lua_pushboolean(L, 0);
      return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_replace(L, 3);
  lua_rotate(L, 1, 1);
  lua_callk(L, 2, 1, 0, returned);
  return 1;
}

/* ---- from another runtime ---- */

bool api_take_request(lua_State *L, const struct codec_text *address,
                      const struct codec_input *in, struct request *request) {
  struct codec_problem problem;
  struct task *task;
  if (!api_find_office(L)) return false;
  lua_getiuservalue(L, -1, OFFICE_ROUTES);
  lua_pushlstring(L, address->bytes, address->length);
  lua_rawget(L, -2);
  if (!open_box(L, &task)) return false;
  int at = lua_gettop(L), count = codec_read_values(L, in, &problem);
  if (count < 1 || count > MAILBOX_VALUES) return false;
  lua_pushvalue(L, at); /* reading may run anything */
  struct mailbox *box = open_box(L, &task);
  if (!box) return false;
  lua_pop(L, 1);
  request->values = (uint8_t)count;
  mailbox_pack(L, box, request, at + 1);
  enqueue(L, at, box, task, request, at + 1);
  return true;
}
