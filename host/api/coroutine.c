/* SPDX-License-Identifier: Apache-2.0 */
/* coroutine.resume and its like, which keep track of what runs; see coroutine.h.
 *
 * A slice that ends inside of a coroutine of the script's passes through the resume that
 * runs it: that yields in turn, and when the task goes on, resumes the same coroutine
 * again. The script sees nothing of it, and its own yields never get here by mistake. */
#include "api/coroutine.h"

#include <stdbool.h>

#include "api/api.h"
#include "base/interrupt.h"

/* ---- resume and wrap ---- */

static lua_State *check_coroutine(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  return co;
}

static int resume(lua_State *L);
static int call_wrapped(lua_State *L);

/* Whether a slice has ended in the coroutine, or in one below it: it only looks suspended,
 * and nobody but the resume that runs it may touch it. */
static bool is_in_slice(lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (!interrupt_of(L)->passed || lua_status(co) != LUA_YIELD) return false;
  if (!lua_checkstack(co, 1) || !lua_getstack(co, 0, &ar)) return false;
  lua_getinfo(co, "Sf", &ar);
  lua_CFunction function = lua_tocfunction(co, -1);
  lua_pop(co, 1);
  return *ar.what != 'C' || function == resume || function == call_wrapped;
}

/* results of co -> on L; their number, or -1 with the error on top */
static int take_results(lua_State *L, lua_State *co, int status, int count) {
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, count + 1)) {
    lua_pop(co, count);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, count);
  return count;
}

/* The same, or does not return: when a slice has ended, it goes on in [next]. */
static int go_on(lua_State *L, lua_State *co, int nargs, lua_KFunction next) {
  struct interrupt *interrupt = interrupt_of(L);
  int count;
  int status = interrupt_resume(L, co, nargs, &count);
  if (status == LUA_YIELD && interrupt_is_preempted(interrupt)) {
    interrupt->passed = true;
    return lua_yieldk(L, 0, 0, next);
  }
  return take_results(L, co, status, count);
}

/* arguments on top of L -> as go_on */
static int begin(lua_State *L, lua_State *co, int nargs, lua_KFunction next) {
  if (is_in_slice(L, co)) {
    lua_pushliteral(L, "cannot resume non-suspended coroutine");
    return -1;
  }
  if (!lua_checkstack(co, nargs)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, nargs);
  return go_on(L, co, nargs, next);
}

static int return_resumed(lua_State *L, int count) {
  bool ok = count >= 0;
  lua_pushboolean(L, ok);
  lua_insert(L, ok ? -(count + 1) : -2);
  return ok ? count + 1 : 2;
}

static int resume_again(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return return_resumed(L, go_on(L, lua_tothread(L, 1), 0, resume_again));
}

static int resume(lua_State *L) {
  lua_State *co = check_coroutine(L);
  return return_resumed(L, begin(L, co, lua_gettop(L) - 1, resume_again));
}

/* the error on top of L is raised; a coroutine that it has ended is closed first */
static int raise_wrapped(lua_State *L, lua_State *co) {
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {
    status = interrupt_reset(L, co);
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int return_wrapped(lua_State *L, lua_State *co, int count) {
  return count < 0 ? raise_wrapped(L, co) : count;
}

static int call_wrapped_again(lua_State *L, int status, lua_KContext context) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  (void)status;
  (void)context;
  return return_wrapped(L, co, go_on(L, co, 0, call_wrapped_again));
}

static int call_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  return return_wrapped(L, co, begin(L, co, lua_gettop(L), call_wrapped_again));
}

static int wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

/* ---- status and close ---- */

static const char *status_of(lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (L == co) return "running";
  switch (lua_status(co)) {
    case LUA_YIELD: return is_in_slice(L, co) ? "normal" : "suspended";
    case LUA_OK:
      if (lua_getstack(co, 0, &ar)) return "normal";
      return lua_gettop(co) == 0 ? "dead" : "suspended";
    default: return "dead";
  }
}

static int status(lua_State *L) {
  lua_pushstring(L, status_of(L, check_coroutine(L)));
  return 1;
}

static int close(lua_State *L) {
  lua_State *co = check_coroutine(L);
  const char *state = status_of(L, co);
  if (*state != 'd' && *state != 's')
    return luaL_error(L, "cannot close a %s coroutine", state);
  if (interrupt_reset(L, co) == LUA_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushboolean(L, 0);
  lua_xmove(co, L, 1);
  return 2;
}

/* ---- xpcall ---- */

/* The message handler, unless it is an interrupt that was raised: hooks are off then, and
 * nothing could stop the handler. */
static int handle(lua_State *L) {
  struct interrupt *interrupt = interrupt_of(L);
  bool raised = lua_topointer(L, 1) == interrupt->message && interrupt->message;
  if (raised || interrupt_pending(interrupt) == INTERRUPT_KILL) {
    lua_settop(L, 1);
    return 1;
  }
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* [below..., true, results...] or, with an error, [..., message] */
static int finish_xpcall(lua_State *L, int code, lua_KContext below) {
  if (code == LUA_OK || code == LUA_YIELD) return lua_gettop(L) - (int)below;
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int xpcall(lua_State *L) {
  int count = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (!lua_iscfunction(L, 2)) {
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
  }
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2); /* function, handler, true, function, arguments... */
  int code = lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, finish_xpcall);
  return finish_xpcall(L, code, 2);
}

static const luaL_Reg functions[] = {
    {"resume", resume}, {"wrap", wrap}, {"close", close},
    {"status", status}, {NULL, NULL},
};

void coroutine_install(lua_State *L) {
  lua_getglobal(L, "coroutine");
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
  lua_pushcfunction(L, xpcall);
  lua_setglobal(L, "xpcall");
}
