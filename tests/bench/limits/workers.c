/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: records, coroutines and a wheel of 1 ms slots. See workers.h. */
#include "workers.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLOTS = 4096 };

struct worker {
  struct worker *next; /* in its slot of the wheel */
  lua_State *co;
  uint64_t wake;     /* ms */
  uint64_t deadline; /* ms, of its heartbeat: a store for each beat */
  uint32_t restarts;
  const char *body;
};

static lua_State *L;
static struct worker *workers;
static struct worker *running;
static struct worker *wheel[SLOTS];
static size_t total;
static uint64_t now_ms;
static uint64_t beats;

static const char source[] =
    "function idle() while receive() do end end\n"
    "function crashing() while receive() do error 'boom' end end\n"
    "function beating() sleep(math.random(1000)) while true do beat() sleep(1000) end "
    "end\n"
    "local counts = {}\n"
    "function policy(i, message, restarts, now)\n"
    "  local count = (counts[i] or 0) + 1\n"
    "  counts[i] = count\n"
    "  return count < 1000000000 and 'restart' or 'stop'\n"
    "end\n";

static double seconds(clockid_t clock) {
  struct timespec ts;
  clock_gettime(clock, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double workers_now(void) {
  return seconds(CLOCK_MONOTONIC);
}

double workers_cpu(void) {
  return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t workers_beats(void) {
  return beats;
}

/* ---- for the workers ---- */

static int lua_receive(lua_State *co) {
  return lua_yield(co, 0);
}

static int lua_sleep(lua_State *co) {
  uint64_t ms = (uint64_t)luaL_checkinteger(co, 1);
  running->wake = now_ms + ms;
  struct worker **slot = &wheel[running->wake % SLOTS];
  running->next = *slot;
  *slot = running;
  return lua_yield(co, 0);
}

static int lua_beat(lua_State *co) {
  (void)co;
  running->deadline = now_ms + 2000;
  beats++;
  return 0;
}

/* ---- life ---- */

static void fail(lua_State *from) {
  fprintf(stderr, "limits: %s\n", lua_tostring(from, -1));
  exit(1);
}

void workers_open(size_t count) {
  total = count;
  now_ms = (uint64_t)(workers_now() * 1e3);
  workers = calloc(count, sizeof *workers);
  L = luaL_newstate();
  luaL_openlibs(L);
  lua_register(L, "receive", lua_receive);
  lua_register(L, "sleep", lua_sleep);
  lua_register(L, "beat", lua_beat);
  if (luaL_dostring(L, source) != LUA_OK) fail(L);
  lua_getglobal(L, "policy");
  lua_createtable(L, (int)count, 0);
}

void workers_close(void) {
  lua_close(L);
  free(workers);
}

/* L: [policy, coroutines] */
static int resume(struct worker *worker, int arguments) {
  int results;
  running = worker;
  int status = lua_resume(worker->co, L, arguments, &results);
  running = NULL;
  return status;
}

static void begin(struct worker *worker) {
  lua_getglobal(L, worker->body);
  lua_xmove(L, worker->co, 1);
  if (resume(worker, 0) != LUA_YIELD) fail(worker->co);
}

void workers_start(size_t i, const char *body) {
  struct worker *worker = &workers[i];
  if (!worker->co) {
    worker->co = lua_newthread(L);
    lua_rawseti(L, 2, (lua_Integer)i + 1);
  }
  worker->body = body;
  worker->deadline = now_ms + 2000;
  begin(worker);
}

static bool policy_restarts(size_t i) {
  struct worker *worker = &workers[i];
  lua_pushvalue(L, 1);
  lua_pushinteger(L, (lua_Integer)i);
  lua_xmove(worker->co, L, 1);
  lua_pushinteger(L, worker->restarts);
  lua_pushinteger(L, (lua_Integer)now_ms);
  lua_call(L, 4, 1);
  bool restarts = *lua_tostring(L, -1) == 'r';
  lua_pop(L, 1);
  return restarts;
}

void workers_crash(size_t i) {
  struct worker *worker = &workers[i];
  lua_pushboolean(worker->co, 1);
  if (resume(worker, 1) == LUA_YIELD) return;
  bool again = policy_restarts(i);
  workers_stop(i);
  worker->restarts++;
  if (again) begin(worker);
}

void workers_stop(size_t i) {
  lua_resetthread(workers[i].co);
  lua_settop(workers[i].co, 0);
}

/* ---- time ---- */

static void expire(uint64_t ms) {
  struct worker **slot = &wheel[ms % SLOTS];
  struct worker *next, *worker = *slot;
  *slot = NULL;
  for (; worker; worker = next) {
    next = worker->next;
    if (resume(worker, 0) != LUA_YIELD) fail(worker->co);
  }
}

void workers_run(double duration) {
  const struct timespec tick = {0, 1000000};
  for (double end = workers_now() + duration; workers_now() < end;) {
    uint64_t now = (uint64_t)(workers_now() * 1e3);
    while (now_ms < now) expire(++now_ms);
    nanosleep(&tick, NULL);
  }
}
