/* SPDX-License-Identifier: Apache-2.0 */
/* Process: see process.h. A userdata is kept by the registry from spawn until everything
 * of its program is gone, so that nobody has to hold it; its user values are the
 * callbacks. Thread: main. */
#include "api/process.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/process_host.h"
#include "api/process_line.h"
#include "api/process_log.h"
#include "api/process_members.h"
#include "api/process_options.h"
#include "api/process_stream.h"
#include "api/process_tail.h"
#include "output/output.h"
#include "output/tail.h"
#include "process/child.h"
#include "process/nursery.h"
#include "process/reaper.h"
#include "vm/vm.h"

#define PROCESS "host.process"

enum { ON_EXIT = 1, ON_OUTLIVED, ON_EMPTY, ON_LINE, CALLBACKS = ON_LINE };
enum { FLUSH_MS = 1000 };

/* What all programs of a state share; a userdata under the address of this key. */
struct family {
  struct nursery *nursery;
  struct reaper *reaper;
  struct process *first;
  struct process_streams streams;
};
static const char family_key;

struct process {
  struct family *family;
  struct process *next, **link; /* among the open ones of the family */
  lua_State *L;                 /* the main one */
  struct child *child;          /* NULL when closed */
  struct process_pipes pipes;
  unsigned drain_ms;
  int self; /* registry reference while it may call back */
  pid_t pid;
  struct census_query late; /* tells an empty program's on_empty */
  struct process_members *members;
};

static struct family *family_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &family_key);
  struct family *family = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return family;
}

static struct process *check_process(lua_State *L) {
  struct process *process = luaL_checkudata(L, 1, PROCESS);
  if (!process->child) luaL_error(L, "closed process");
  return process;
}

static void drain_outputs(struct process *process) {
  for (int i = 0; i < 2; i++) {
    if (process->pipes.outputs[i])
      output_drain(process->pipes.outputs[i], process->drain_ms);
    process->pipes.outputs[i] = NULL;
  }
}

static void forget(struct process *process) {
  if (process->link) *process->link = process->next;
  if (process->link && process->next) process->next->link = process->link;
  process->link = NULL;
  luaL_unref(process->L, LUA_REGISTRYINDEX, process->self);
  process->self = LUA_NOREF;
}

static void close_process(struct process *process) {
  census_forget(&process->late);
  process_members_forget(process->L, &process->members);
  drain_outputs(process);
  if (process->child) child_close(process->child);
  process->child = NULL;
  forget(process);
}

/* pushes the userdata and its callback, or leaves nothing and returns false */
static bool push_callback(struct process *process, int which) {
  lua_State *L = process->L;
  lua_checkstack(L, LUA_MINSTACK);
  lua_rawgeti(L, LUA_REGISTRYINDEX, process->self);
  if (lua_getiuservalue(L, -1, which) == LUA_TFUNCTION) {
    lua_pushnil(L);
    lua_setiuservalue(L, -3, which); /* each is called once */
    return true;
  }
  lua_pop(L, 2);
  return false;
}

static void push_unless_negative(lua_State *L, int number) {
  if (number < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, number);
}

static void on_left(void *data, const struct child_status *status) {
  struct process *process = data;
  lua_State *L = process->L;
  for (int i = 0; i < 2; i++)
    if (process->pipes.outputs[i]) output_catch_up(process->pipes.outputs[i]);
  if (!push_callback(process, ON_EXIT)) return;
  push_unless_negative(L, status->code);
  push_unless_negative(L, status->signal);
  lua_pushboolean(L, status->core);
  vm_call(L, 3, 0);
  lua_pop(L, 1);
}

static void on_outlived(void *data) {
  struct process *process = data;
  if (!push_callback(process, ON_OUTLIVED)) return;
  lua_pushboolean(process->L, true);
  vm_call(process->L, 1, 0);
  lua_pop(process->L, 1);
}

/* Afterwards nobody but Lua keeps it. */
static void tell_empty(struct process *process) {
  lua_State *L = process->L;
  if (!push_callback(process, ON_EMPTY)) return;
  luaL_unref(L, LUA_REGISTRYINDEX, process->self);
  process->self = LUA_NOREF;
  vm_call(L, 0, 0);
  lua_pop(L, 1);
}

static void on_empty(void *data) {
  struct process *process = data;
  drain_outputs(process);
  tell_empty(process);
}

static void on_late(struct census_query *query, int error) {
  (void)error;
  tell_empty(query->data);
}

static void on_line(void *data, const char *line, size_t len) {
  struct process *process = data;
  if (process->self != LUA_NOREF && push_callback(process, ON_LINE))
    process_line(process->L, ON_LINE, line, len);
}

static int start(lua_State *L, struct process *process, struct process_options *options,
                 struct launch_result *result) {
  struct child_events events = {on_left, on_outlived, on_empty, process};
  struct process_streams *streams = &process->family->streams;
  int error = process_stream_open(L, options, streams, &process->pipes, result);
  if (!error)
    error = child_start(process->family->nursery, &options->spec, &events,
                        &process->child, result);
  process_stream_close(options->spec.stdio);
  return error;
}

/* -> userdata, closed, with the callbacks of the options at 1 */
static struct process *push_process(lua_State *L) {
  struct process *process = lua_newuserdatauv(L, sizeof *process, CALLBACKS);
  *process = (struct process){.family = family_of(L), .self = LUA_NOREF};
  process->late.done = on_late;
  process->late.data = process;
  luaL_setmetatable(L, PROCESS);
  lua_getfield(L, 1, "on_exit");
  lua_setiuservalue(L, -2, ON_EXIT);
  if (lua_getfield(L, 1, "on_line") == LUA_TFUNCTION) {
    process->pipes.tap = on_line;
    process->pipes.tap_data = process;
  }
  lua_setiuservalue(L, -2, ON_LINE);
  process->L = vm_of(L)->L;
  return process;
}

/* what `previous` wrote is kept as the past of what this one writes */
static void take_tails(lua_State *L, struct process *process) {
  lua_getfield(L, 1, "previous");
  struct process *previous = luaL_testudata(L, -1, PROCESS);
  for (int i = 0; previous && i < 2; i++)
    process->pipes.tails[i] = tail_share(previous->pipes.tails[i]);
  lua_pop(L, 1);
}

static void remember(lua_State *L, struct process *process) {
  struct family *family = process->family;
  process->pid = child_pid(process->child);
  process->next = family->first;
  process->link = &family->first;
  if (family->first) family->first->link = &process->next;
  family->first = process;
  lua_pushvalue(L, -1);
  process->self = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int process_spawn(lua_State *L) {
  struct process_options options = {0};
  struct launch_result result = {0};
  lua_settop(L, 1);
  process_options_read(L, 1, &options);
  struct process *process = push_process(L);
  if (!process->family) return luaL_error(L, "host.process has closed");
  process->drain_ms = options.drain_ms;
  take_tails(L, process);
  int error = start(L, process, &options, &result);
  if (!error) {
    remember(L, process);
    return 1;
  }
  process->drain_ms = 0;
  drain_outputs(process);
  return process_host_failure(L, error, &result);
}

/* adopt(pid, mark, { on_exit }) -> userdata, or nil, message, CODE */
static int process_adopt(lua_State *L) {
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  const char *mark = luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_pushvalue(L, 3);
  lua_insert(L, 1); /* where push_process looks for them */
  struct process *process = push_process(L);
  if (!process->family) return luaL_error(L, "host.process has closed");
  struct child_events events = {on_left, on_outlived, on_empty, process};
  int error = child_adopt(process->family->nursery, pid, mark, &events, &process->child);
  if (error) return api_error(L, error);
  remember(L, process);
  return 1;
}

static int process_pid(lua_State *L) {
  lua_pushinteger(L, check_process(L)->pid);
  return 1;
}

static int process_signal(lua_State *L) {
  struct process *process = check_process(L);
  return api_result(L, child_signal(process->child, process_options_signal(L, 2)));
}

static int process_signal_group(lua_State *L) {
  struct process *process = check_process(L);
  int first = process_options_signal(L, 2);
  int second = lua_isnoneornil(L, 3) ? 0 : process_options_signal(L, 3);
  int error = child_signal_group(process->child, first);
  if (!error && second) error = child_signal_group(process->child, second);
  return api_result(L, error);
}

static int process_on_empty(lua_State *L) {
  struct process *process = check_process(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 3);
  lua_setiuservalue(L, 1, ON_OUTLIVED);
  lua_setiuservalue(L, 1, ON_EMPTY);
  if (!child_is_empty(process->child)) return 0;
  if (process->self == LUA_NOREF) process->self = luaL_ref(L, LUA_REGISTRYINDEX);
  census_ask(nursery_census(process->family->nursery), &process->late);
  return 0;
}

static int process_has(lua_State *L) {
  struct process *process = check_process(L);
  lua_pushboolean(L, child_has(process->child, (pid_t)luaL_checkinteger(L, 2)));
  return 1;
}

static int process_members(lua_State *L) {
  struct process *process = check_process(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  return api_result(L, process_members_ask(L, 2, process->child, &process->members));
}

static int process_close(lua_State *L) {
  close_process(luaL_checkudata(L, 1, PROCESS));
  return 0;
}

static int process_gc(lua_State *L) {
  struct process *process = luaL_checkudata(L, 1, PROCESS);
  close_process(process);
  for (int i = 0; i < 2; i++) {
    tail_release(process->pipes.tails[i]);
    process->pipes.tails[i] = NULL;
  }
  return 0;
}

static int process_tostring(lua_State *L) {
  struct process *process = luaL_checkudata(L, 1, PROCESS);
  if (process->child)
    lua_pushfstring(L, "process %d", (int)process->pid);
  else
    lua_pushliteral(L, "closed process");
  return 1;
}

static int process_tail(lua_State *L) {
  struct process *process = luaL_checkudata(L, 1, PROCESS);
  return process_tail_last(L, process->pipes.tails);
}

static int process_news(lua_State *L) {
  struct process *process = luaL_checkudata(L, 1, PROCESS);
  return process_tail_news(L, process->pipes.tails);
}

struct process_streams *process_streams(lua_State *L) {
  struct family *family = family_of(L);
  return family ? &family->streams : NULL;
}

static const luaL_Reg methods[] = {
    {"pid", process_pid},
    {"signal", process_signal},
    {"signal_group", process_signal_group},
    {"on_empty", process_on_empty},
    {"has", process_has},
    {"members", process_members},
    {"tail", process_tail},
    {"news", process_news},
    {"close", process_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", process_gc},
    {"__close", process_close},
    {"__tostring", process_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"spawn", process_spawn},
    {"adopt", process_adopt},
    {"environment", process_host_environment},
    {"reopen", process_log_reopen},
    {"limit_log", process_log_limit},
    {"open_log", process_log_open},
    {"on_trouble", process_stream_on_trouble},
    {NULL, NULL},
};

static void make_family(lua_State *L) {
  struct family *family = lua_newuserdatauv(L, sizeof *family, 0);
  *family = (struct family){.nursery = nursery_new(api_loop(L))};
  family->streams.spools = spools_new(api_loop(L), process_stream_trouble, vm_of(L)->L);
  if (!family->nursery || !family->streams.spools)
    luaL_error(L, "not enough memory for host.process");
  family->reaper = reaper_new(api_loop(L), family->nursery);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &family_key);
}

int luaopen_host_process(lua_State *L) {
  if (!family_of(L)) make_family(L);
  process_log_register(L);
  luaL_newmetatable(L, PROCESS);
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  process_host_instance(L);
  lua_setfield(L, -2, "instance");
  return 1;
}

struct nursery *process_nursery(lua_State *L) {
  struct family *family = family_of(L);
  return family ? family->nursery : NULL;
}

void process_close_all(lua_State *L) {
  struct family *family = family_of(L);
  if (!family) return;
  while (family->first) close_process(family->first);
  while (family->streams.all) output_free(family->streams.all);
  process_log_close_all(&family->streams);
  spools_free(family->streams.spools, FLUSH_MS);
  reaper_free(family->reaper);
  nursery_free(family->nursery);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &family_key);
}
