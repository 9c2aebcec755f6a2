/* SPDX-License-Identifier: Apache-2.0 */
/* Links: see links.h. A link is a userdata that the registry keeps while it is open; its
 * user values are the callbacks. Thread: the state's. */
#include "api/links.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api.h"
#include "api/confine.h"
#include "api/link_calls.h"
#include "base/embedded.h"
#include "base/pulse.h"
#include "executor/guest.h"
#include "executor/runtime.h"
#include "executor/task.h"
#include "message/link.h"
#include "vm/vm.h"

#define LINK "host.link"

enum { ON_FRAME = 1, ON_ENDED, CALLBACKS = ON_ENDED, SHELF = 64 };

struct member {
  struct member *next, **place; /* among the open ones of the state */
  lua_State *L;                 /* the main one */
  struct link_calls calls;      /* and the link, NULL when closed */
  struct guest *guest;          /* of a thread that this state has started, or NULL */
  struct pulse *pulse;          /* of the guest on the other side, or NULL */
  bool mapped;                  /* and it is this state's to unmap */
  bool is_door;                 /* the runtime waits at it, see runtime.h */
  int self;                     /* registry reference while open */
};

static const char members_key, parent_key;

static struct member **members_of(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &members_key) == LUA_TNIL) {
    lua_pop(L, 1);
    *(struct member **)lua_newuserdatauv(L, sizeof(struct member *), 0) = NULL;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &members_key);
  }
  struct member **members = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return members;
}

/* ---- events ---- */

static void push_callback(struct member *member, int which) {
  lua_checkstack(member->L, LUA_MINSTACK);
  lua_rawgeti(member->L, LUA_REGISTRYINDEX, member->self);
  lua_getiuservalue(member->L, -1, which);
  lua_remove(member->L, -2);
}

struct frame {
  struct member *member;
  const char *bytes;
  size_t length;
};

static int take_frame(lua_State *L) {
  const struct frame *frame = lua_touserdata(L, 1);
  struct member *member = frame->member;
  if (link_calls_take(L, &member->calls, frame->bytes, frame->length)) return 0;
  lua_settop(L, 0);
  push_callback(member, ON_FRAME);
  lua_pushlstring(L, frame->bytes, frame->length);
  lua_call(L, 1, 0);
  return 0;
}

static void on_frame(void *data, const char *bytes, size_t length) {
  struct member *member = data;
  struct frame frame = {member, bytes, length};
  lua_checkstack(member->L, LUA_MINSTACK);
  lua_pushcfunction(member->L, take_frame);
  lua_pushlightuserdata(member->L, &frame);
  vm_call(member->L, 1, 0);
}

static void forget(struct member *member) {
  link_calls_close(member->L, &member->calls);
  *member->place = member->next;
  if (member->next) member->next->place = member->place;
  luaL_unref(member->L, LUA_REGISTRYINDEX, member->self);
}

static void drop(struct member *member) {
  if (member->mapped) pulse_unmap(member->pulse);
  member->pulse = NULL;
  member->mapped = false;
  if (!member->calls.link) return;
  if (member->is_door) runtime_set_door(api_runtime(member->L), NULL);
  link_close(member->calls.link);
  forget(member);
}

static void on_ended(void *data) {
  struct member *member = data;
  lua_State *L = member->L;
  push_callback(member, ON_ENDED);
  drop(member);
  if (member->guest) guest_join(member->guest);
  member->guest = NULL;
  vm_call(L, 0, 0);
}

static void close_member(struct member *member) {
  drop(member);
  if (member->guest) guest_abandon(member->guest);
  member->guest = NULL;
}

/* ---- making ---- */

/* Keeps the member on top until it is forgotten. */
static void keep(lua_State *L, struct member *member) {
  struct member **first = members_of(L);
  lua_pushvalue(L, -1);
  member->self = luaL_ref(L, LUA_REGISTRYINDEX);
  link_calls_open(L, &member->calls);
  member->next = *first;
  member->place = first;
  if (*first) (*first)->place = &member->next;
  *first = member;
}

/* [on_frame at 2 and on_ended at 3] -> [link], not open yet. All that may raise out of
 * memory is done here, before there is a thread or a file that would be left open. */
static struct member *push_member(lua_State *L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  struct member *member = lua_newuserdatauv(L, sizeof *member, CALLBACKS);
  *member = (struct member){.L = vm_of(L)->L};
  luaL_setmetatable(L, LINK);
  for (int which = ON_FRAME; which <= ON_ENDED; which++) {
    lua_pushvalue(L, 1 + which);
    lua_setiuservalue(L, -2, which);
  }
  keep(L, member);
  return member;
}

/* What is left where it could not be opened. */
static int refuse(lua_State *L, struct member *member, int error) {
  close_member(member);
  forget(member);
  return api_error(L, error);
}

static struct link_events events_of(struct member *member) {
  return (struct link_events){on_frame, on_ended, member};
}

/* thread(nil, on_frame, on_ended) -> link */
static int new_thread(lua_State *L) {
  lua_settop(L, 3);
  uv_loop_t *loop = api_loop(L);
  struct member *member = push_member(L);
  struct link_events events = events_of(member);
  int error = guest_start(&member->guest);
  if (error) return refuse(L, member, error);
  member->pulse = guest_pulse(member->guest);
  error = link_open_channel(loop, guest_channel(member->guest), 0, &events,
                            &member->calls.link);
  return error ? refuse(L, member, error) : 1;
}

static lua_Integer field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  lua_Integer value = luaL_optinteger(L, -1, 0);
  lua_pop(L, 1);
  return value;
}

/* Maps and closes the fd of a pulse, where there is one. */
static void map_pulse(struct member *member, int fd) {
  if (!fd) return;
  member->pulse = pulse_map(fd);
  member->mapped = member->pulse != NULL;
  close(fd);
}

/* stream({ input, output, pulse = fd }, on_frame, on_ended) -> link; it takes over the
 * fds */
static int new_stream(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 3);
  lua_rawgeti(L, 1, 1);
  lua_rawgeti(L, 1, 2);
  int input = (int)luaL_checkinteger(L, 4), output = (int)luaL_optinteger(L, 5, input);
  int pulse = (int)field(L, "pulse");
  uv_loop_t *loop = api_loop(L);
  struct member *member = push_member(L);
  struct link_events events = events_of(member);
  map_pulse(member, pulse);
  int error = link_open_stream(loop, input, output, &events, &member->calls.link);
  return error ? refuse(L, member, error) : 1;
}

static void wait_for_parent(void *link, uint64_t until) {
  link_wait(link, until);
}

static int take_parent_to_loop(void *link, uv_loop_t *loop) {
  return link_attach(link, loop);
}

/* parent(nil, on_frame, on_ended) -> link; nil where the state is no thread's guest */
static int open_parent(lua_State *L) {
  lua_settop(L, 3);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &parent_key);
  struct channel *channel = lua_touserdata(L, -1);
  if (!channel) return 0;
  struct member *member = push_member(L);
  struct link_events events = events_of(member);
  struct runtime *runtime = api_runtime(L);
  int error =
      link_open_channel(runtime_loop(runtime), channel, 1, &events, &member->calls.link);
  if (error) return refuse(L, member, error);
  struct runtime_door door = {wait_for_parent, take_parent_to_loop, member->calls.link};
  runtime_set_door(runtime, &door);
  member->is_door = true;
  return 1;
}

/* rename(name): this thread, for people */
static int rename_thread(lua_State *L) {
  prctl(PR_SET_NAME, luaL_checkstring(L, 1)); /* 15 bytes of it */
  return 0;
}

/* pair() -> fd, fd: two ends of a socket, both to be closed on exec */
static int new_pair(lua_State *L) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
    return api_error(L, -errno);
  lua_pushinteger(L, fds[0]);
  lua_pushinteger(L, fds[1]);
  return 2;
}

/* pulse() -> fd of a new one */
static int new_pulse(lua_State *L) {
  int fd = pulse_create();
  if (fd < 0) return api_error(L, fd);
  lua_pushinteger(L, fd);
  return 1;
}

/* shelve(name, ...) -> fd of a file with these modules of luvisor's, unpacked */
static int shelve(lua_State *L) {
  const struct embedded *modules[SHELF];
  int count = lua_gettop(L);
  luaL_argcheck(L, count <= SHELF, SHELF + 1, "too many modules");
  for (int i = 0; i < count; i++) modules[i] = embedded_find(luaL_checkstring(L, i + 1));
  int fd = embedded_shelve(modules, (size_t)count);
  if (fd < 0) return api_error(L, fd);
  lua_pushinteger(L, fd);
  return 1;
}

/* show(fd): keeps that pulse up to date for as long as the process lives; closes fd */
static int show_pulse(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  struct pulse *pulse = pulse_map(fd);
  close(fd);
  if (pulse) tasks_set_pulse(api_tasks(L), pulse);
  return 0;
}

/* own(fd) -> fd, 3 or more and closed on exec: nobody else reads or writes it. In the place
 * of stdin is nothing then, in that of stdout is stderr. */
static int own_fd(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0) return api_error(L, -errno);
  int other =
      fd == STDIN_FILENO ? open("/dev/null", O_RDONLY | O_CLOEXEC) : STDERR_FILENO;
  if (fd > STDERR_FILENO)
    close(fd);
  else if (other >= 0)
    dup2(other, fd);
  if (other > STDERR_FILENO) close(other);
  lua_pushinteger(L, own);
  return 1;
}

/* close(fd) */
static int close_fd(lua_State *L) {
  close((int)luaL_checkinteger(L, 1));
  return 0;
}

/* ---- links ---- */

static struct member *check_member(lua_State *L) {
  return luaL_checkudata(L, 1, LINK);
}

/* send(bytes [, urgent]) -> true; nil, message, CODE */
static int send_frame(lua_State *L) {
  struct member *member = check_member(L);
  size_t length;
  const char *bytes = luaL_checklstring(L, 2, &length);
  if (!member->calls.link) return api_error(L, UV_EPIPE);
  return api_result(L, link_send(member->calls.link, bytes, length, lua_toboolean(L, 3)));
}

static int pending(lua_State *L) {
  struct member *member = check_member(L);
  lua_pushinteger(L,
                  member->calls.link ? (lua_Integer)link_pending(member->calls.link) : 0);
  return 1;
}

/* late() -> seconds, name of the limit, number of the turn; nothing when it is not */
static int late(lua_State *L) {
  struct member *member = check_member(L);
  unsigned turn = 0, limit = LIMITS;
  uint64_t ns = member->pulse ? pulse_late(member->pulse, &turn, &limit) : 0;
  bool stall = limit == PULSE_STALL;
  if (!ns || (limit >= LIMITS && !stall)) return 0;
  lua_pushnumber(L, (lua_Number)ns / 1e9);
  lua_pushstring(L, stall ? "stall" : limit_name((enum limit)limit));
  lua_pushinteger(L, turn);
  return 3;
}

/* hold(on): letters that have come are held back */
static int hold(lua_State *L) {
  check_member(L)->calls.held = lua_toboolean(L, 2);
  return 0;
}

/* give_up() -> list of task, number, ... of the calls that wait; nothing goes the short
 * way any more */
static int give_up(lua_State *L) {
  link_calls_give_up(L, &check_member(L)->calls);
  return 1;
}

static int free_member(lua_State *L) {
  free(check_member(L)->calls.slots);
  check_member(L)->calls.slots = NULL;
  return 0;
}

static int close_link(lua_State *L) {
  close_member(check_member(L));
  return 0;
}

static const luaL_Reg methods[] = {
    {"send", send_frame}, {"pending", pending},  {"late", late}, {"hold", hold},
    {"give_up", give_up}, {"close", close_link}, {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"thread", new_thread},    {"stream", new_stream}, {"parent", open_parent},
    {"rename", rename_thread}, {"pair", new_pair},     {"pulse", new_pulse},
    {"show", show_pulse},      {"own", own_fd},        {"close", close_fd},
    {"confine", confine},      {"shelve", shelve},     {NULL, NULL},
};

int luaopen_host_guest(lua_State *L) {
  luaL_newmetatable(L, LINK);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, free_member);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}

struct link_calls *api_link_calls(lua_State *L, int index) {
  struct member *member = luaL_testudata(L, index, LINK);
  return member ? &member->calls : NULL;
}

void links_set_parent(lua_State *L, struct channel *channel) {
  lua_pushlightuserdata(L, channel);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &parent_key);
}

void links_close_all(lua_State *L) {
  struct member **members = members_of(L);
  while (*members) close_member(*members);
}
