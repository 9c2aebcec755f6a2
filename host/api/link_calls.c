/* SPDX-License-Identifier: Apache-2.0 */
/* Link calls: see link_calls.h. */
#include "api/link_calls.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/links.h"
#include "api/mailbox_serve.h"
#include "executor/task.h"
#include "message/link.h"

enum { FIRST_SLOTS = 4, HEAD = 4, LINE_LINK = 1, LINE_ADDRESS };
#define WAITS UINT32_MAX

struct waiting {
  uint64_t task;
  uint32_t wait;
  uint32_t next; /* unused one, WAITS for one that is used */
  uint32_t turn; /* so many have used it: no later answer is another one's */
};

struct line {
  struct link_calls *calls; /* of the link, which is its user value */
  uint64_t timeout;
};

static const char numbers_key; /* registry: number -> link; [0] the last one */

/* ---- links by their numbers ---- */

static void push_numbers(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &numbers_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &numbers_key);
}

void link_calls_open(lua_State *L, struct link_calls *calls) {
  push_numbers(L);
  lua_rawgeti(L, -1, 0);
  calls->number = (uint32_t)lua_tointeger(L, -1) + 1;
  lua_pushinteger(L, calls->number);
  lua_rawseti(L, -3, 0);
  lua_pushvalue(L, -3);
  lua_rawseti(L, -3, calls->number);
  lua_pop(L, 2);
}

void link_calls_close(lua_State *L, struct link_calls *calls) {
  calls->link = NULL;
  push_numbers(L);
  lua_pushnil(L);
  lua_rawseti(L, -2, calls->number);
  lua_pop(L, 1);
}

void link_calls_give_up(lua_State *L, struct link_calls *calls) {
  lua_newtable(L);
  lua_Integer count = 0;
  for (uint32_t i = 0; i < calls->room; i++) {
    if (calls->slots[i].next != WAITS) continue;
    lua_pushinteger(L, (lua_Integer)calls->slots[i].task);
    lua_rawseti(L, -2, ++count);
    lua_pushinteger(L, calls->slots[i].wait);
    lua_rawseti(L, -2, ++count);
  }
  free(calls->slots);
  calls->slots = NULL;
  calls->room = calls->unused = 0;
  calls->off = true;
}

/* ---- calls that wait ---- */

/* Whether there is an unused slot. */
static bool has_slot(struct link_calls *calls) {
  if (calls->unused < calls->room) return true;
  uint32_t room = calls->room ? 2 * calls->room : FIRST_SLOTS;
  struct waiting *slots = realloc(calls->slots, room * sizeof *slots);
  if (!slots) return false;
  for (uint32_t i = calls->room; i < room; i++)
    slots[i] = (struct waiting){.next = i + 1};
  calls->slots = slots;
  calls->room = room;
  return true;
}

static void use_slot(struct link_calls *calls, uint64_t task, uint32_t wait) {
  struct waiting *slot = &calls->slots[calls->unused];
  calls->unused = slot->next;
  *slot = (struct waiting){task, wait, WAITS, slot->turn};
}

static void free_slot(struct link_calls *calls, uint32_t number) {
  calls->slots[number].next = calls->unused;
  calls->slots[number].turn = (calls->slots[number].turn + 1) & INT32_MAX;
  calls->unused = number;
}

/* What the next call is known by: its slot, and whose turn it is there. */
static lua_Integer next_number(const struct link_calls *calls) {
  uint64_t turn = calls->slots[calls->unused].turn;
  return (lua_Integer) ~(turn << 32 | calls->unused);
}

/* ---- lines ---- */

void link_calls_push_line(lua_State *L, int link, struct link_calls *calls, int address) {
  struct line *line = lua_newuserdatauv(L, sizeof *line, LINE_ADDRESS);
  *line = (struct line){.calls = calls};
  lua_pushvalue(L, link);
  lua_setiuservalue(L, -2, LINE_LINK);
  lua_pushvalue(L, address);
  lua_setiuservalue(L, -2, LINE_ADDRESS);
}

uint64_t *link_calls_timeout(lua_State *L, int line) {
  return &((struct line *)lua_touserdata(L, line))->timeout;
}

bool link_calls_send(lua_State *L, struct codec_buffer *buffer, uint64_t task,
                     uint32_t wait) {
  const struct line *line = lua_touserdata(L, -1);
  struct link_calls *calls = line->calls;
  struct codec_problem problem;
  int top = lua_gettop(L);
  if (!calls->link || calls->off || !has_slot(calls)) return false;
  lua_pushliteral(L, "letter");
  lua_getiuservalue(L, top, LINE_ADDRESS);
  lua_pushliteral(L, "call");
  lua_pushinteger(L, next_number(calls));
  lua_rotate(L, 3, HEAD); /* before the values; the line comes after them */
  buffer->length = 0;
  bool sent = codec_write(L, 3, top - 3 + HEAD, buffer, &problem) == 0;
  sent = sent &&
         link_send(calls->link, (const char *)buffer->bytes, buffer->length, false) == 0;
  codec_buffer_trim(buffer);
  lua_rotate(L, 3, -HEAD);
  lua_pop(L, HEAD);
  if (sent) use_slot(calls, task, wait);
  return sent;
}

/* ---- what comes ---- */

static bool take_answer(lua_State *L, struct link_calls *calls, struct codec_input *in) {
  lua_Integer number;
  struct codec_problem problem;
  if (!codec_take_integer(in, &number) || number >= 0) return false;
  uint64_t place = ~(uint64_t)number; /* see next_number */
  uint32_t slot = (uint32_t)place;
  if (slot >= calls->room || calls->slots[slot].next != WAITS) return true;
  struct waiting waiting = calls->slots[slot];
  if (waiting.turn != place >> 32) return true;
  free_slot(calls, slot);
  int count = codec_read_values(L, in, &problem);
  struct tasks *tasks = api_tasks(L);
  struct task *task = count < 0 ? NULL : task_find(tasks, waiting.task);
  if (task) task_wake(tasks, task, waiting.wait, L, count);
  return true;
}

static bool take_letter(lua_State *L, struct link_calls *calls, struct codec_input *in) {
  struct request request = {.kind = REQUEST_CALL, .far = true, .wait = calls->number};
  struct codec_text address, kind;
  lua_Integer number;
  if (calls->held || !codec_take_text(in, &address)) return false;
  if (!codec_take_text(in, &kind) || kind.length != 4 || memcmp(kind.bytes, "call", 4))
    return false;
  if (!codec_take_integer(in, &number)) return false;
  request.caller = (uint64_t)number;
  return api_take_request(L, &address, in, &request);
}

bool link_calls_take(lua_State *L, struct link_calls *calls, const char *bytes,
                     size_t length) {
  struct codec_input in = {(const unsigned char *)bytes,
                           (const unsigned char *)bytes + length};
  struct codec_text what;
  if (calls->off || !codec_take_text(&in, &what) || what.length != 6) return false;
  if (!memcmp(what.bytes, "answer", 6)) return take_answer(L, calls, &in);
  return !memcmp(what.bytes, "letter", 6) && take_letter(L, calls, &in);
}

/* ---- answers ---- */

int link_calls_answer(lua_State *L, const struct request *request, int first, int count,
                      struct codec_problem *problem) {
  struct codec_buffer *buffer = &api_find_office(L)->frame;
  push_numbers(L);
  lua_rawgeti(L, -1, request->wait);
  const struct link_calls *calls = api_link_calls(L, -1);
  lua_pop(L, 3);
  lua_pushliteral(L, "answer");
  lua_pushinteger(L, (lua_Integer)request->caller);
  lua_rotate(L, first, 2);
  buffer->length = 0;
  int code = codec_write(L, first, count + 2, buffer, problem);
  lua_rotate(L, first, -2);
  lua_pop(L, 2);
  if (code == 0 && calls && calls->link)
    link_send(calls->link, (const char *)buffer->bytes, buffer->length, true);
  codec_buffer_trim(buffer);
  return code;
}

/* answer(...): what cannot be sent is told instead */
static int answer(lua_State *L) {
  struct request request = {
      .wait = (uint32_t)lua_tointeger(L, lua_upvalueindex(1)),
      .caller = (uint64_t)lua_tointeger(L, lua_upvalueindex(2)),
  };
  struct codec_problem problem;
  if (link_calls_answer(L, &request, 1, lua_gettop(L), &problem) == 0) return 0;
  lua_settop(L, 0);
  lua_pushnil(L);
  lua_pushfstring(L, "the answer cannot be sent: %s", problem.text);
  link_calls_answer(L, &request, 1, 2, &problem);
  return 0;
}

void link_calls_push_answer(lua_State *L, const struct request *request) {
  lua_pushinteger(L, request->wait);
  lua_pushinteger(L, (lua_Integer)request->caller);
  lua_pushcclosure(L, answer, 2);
}
