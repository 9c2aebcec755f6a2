/* SPDX-License-Identifier: Apache-2.0 */
/* Engine: see engine.h. */
#include "engine.h"

#include <lauxlib.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "api/coroutine.h"
#include "api/links.h"
#include "api/notifier.h"
#include "api/process.h"
#include "executor/runtime.h"
#include "vm/modules.h"
#include "vm/mould.h"
#include "vm/vm.h"

enum {
  GC_WORK =
      1, /* collector's work for what is allocated, see LUA_GCINC; Lua's own is 100 */
  GC_STEP = 10 /* log2 of the bytes between two of its steps; Lua's own is 13 */
};

/* luv's own walk is safe once only luv's handles are left; scripts do not get it */
static const char close_all[] =
    "local walk = ... walk(function(h) if not h:is_closing() then h:close() end end)";

/* For short pauses with very many workers, the collector works in small steps spread over
 * a long time. */
void engine_set_up(lua_State *L) {
  api_preload(L);
  modules_install(L);
  coroutine_install(L);
  lua_gc(L, LUA_GCINC, 0, GC_WORK, GC_STEP);
}

static int add_runtime(struct engine *engine, struct vm *vm, unsigned near_bits) {
  engine->vm = vm;
  int r = vm ? runtime_new(vm, near_bits, &engine->runtime) : UV_ENOMEM;
  if (vm && r < 0) vm_free(vm);
  return r;
}

int engine_open(struct engine *engine, unsigned near_bits) {
  int r = add_runtime(engine, vm_new(0), near_bits);
  if (r == 0) engine_set_up(engine->vm->L);
  return r;
}

int engine_pour(struct engine *engine, unsigned near_bits, const struct mould *mould) {
  return add_runtime(engine, mould_pour(mould), near_bits);
}

int engine_main(struct engine *engine, const char *module) {
  lua_State *L = engine->vm->L;
  int base = lua_gettop(L) - 1, code = 1;
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  if (vm_call(L, 1, 1) == LUA_OK) {
    lua_getfield(L, -1, "main");
    lua_pushvalue(L, base + 1);
    if (vm_call(L, 1, 1) == LUA_OK)
      code = lua_isnil(L, -1) ? -1 : (int)lua_tointeger(L, -1);
  }
  lua_settop(L, base);
  return code;
}

void engine_run(struct engine *engine) {
  runtime_run(engine->runtime);
}

static void close_foreign(uv_handle_t *handle, void *unused) {
  (void)unused;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void close_luv(lua_State *L) {
  if (luaL_loadstring(L, close_all) != LUA_OK) return;
  if (api_push_walk(L))
    vm_call(L, 1, 0);
  else
    lua_pop(L, 2);
}

/* A loop that was told to stop before it ran stops when it runs: that is over then. */
static void forget_stop(uv_loop_t *loop) {
  uv_stop(loop);
  uv_run(loop, UV_RUN_NOWAIT);
}

/* Runs the loop until nothing is left on it, a second at the most. */
static bool run_out(uv_loop_t *loop) {
  for (int ms = 0; uv_run(loop, UV_RUN_NOWAIT); ms++) {
    if (ms == ENGINE_FLUSH_MS) return false;
    usleep(1000);
  }
  return true;
}

static bool close_handles(uv_loop_t *loop, lua_State *L) {
  forget_stop(loop);
  uv_run(loop, UV_RUN_NOWAIT);
  close_luv(L);
  return run_out(loop);
}

bool engine_close(struct engine *engine) {
  lua_State *L = engine->vm->L;
  runtime_close(engine->runtime);
  links_close_all(L);
  notifier_close(L);
  process_close_all(L);
  uv_loop_t *loop = runtime_loop(engine->runtime);
  if (loop && !close_handles(loop, L)) return false;
  vm_free(engine->vm);
  if (loop) {
    uv_walk(loop, close_foreign, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
  }
  runtime_free(engine->runtime);
  return true;
}
