/* SPDX-License-Identifier: Apache-2.0 */
/* Engine: see engine.h. */
#include "engine.h"

#include <lauxlib.h>
#include <luv/luv.h>
#include <unistd.h>

#include "api/api.h"
#include "api/coroutine.h"
#include "api/links.h"
#include "api/notifier.h"
#include "api/process.h"
#include "executor/runtime.h"
#include "vm/modules.h"
#include "vm/vm.h"

enum {
  GC_WORK =
      1, /* collector's work for what is allocated, see LUA_GCINC; Lua's own is 100 */
  GC_STEP = 10 /* log2 of the bytes between two of its steps; Lua's own is 13 */
};

/* luv calls back through here: an error in a callback ends that callback, nothing else */
static int call_back(lua_State *L, int nargs, int nresults, int flags) {
  int base = lua_gettop(L) - nargs - 1;
  (void)flags;
  int status = vm_call(L, nargs, nresults);
  return status == LUA_OK ? lua_gettop(L) - base : -status;
}

/* luv's own walk is safe once only luv's handles are left; scripts do not get it */
static const char close_all[] =
    "local walk = ... walk(function(h) if not h:is_closing() then h:close() end end)";

/* For short pauses with very many workers, the collector works in small steps spread over
 * a long time. */
static void set_up_state(struct engine *engine) {
  lua_State *L = engine->vm->L;
  luv_set_loop(L, &engine->loop);
  luv_set_callback(L, call_back);
  api_preload(L);
  modules_install(L);
  coroutine_install(L);
  lua_gc(L, LUA_GCINC, 0, GC_WORK, GC_STEP);
}

/* When it lacks the second of its descriptors, libuv leaves the first one open. */
static int open_loop(uv_loop_t *loop) {
  loop->backend_fd = -1;
  int r = uv_loop_init(loop);
  if (r < 0 && loop->backend_fd >= 0) close(loop->backend_fd);
  return r;
}

int engine_open(struct engine *engine, unsigned near_bits) {
  int r = open_loop(&engine->loop);
  if (r < 0) return r;
  r = UV_ENOMEM;
  engine->vm = vm_new(&engine->loop, 0);
  if (!engine->vm) goto fail_vm;
  r = runtime_new(engine->vm, near_bits, &engine->runtime);
  if (r < 0) goto fail_runtime;
  set_up_state(engine);
  return 0;
fail_runtime:
  vm_free(engine->vm);
fail_vm:
  uv_loop_close(&engine->loop);
  return r;
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
  runtime_kick(engine->runtime);
  uv_run(&engine->loop, UV_RUN_DEFAULT);
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

bool engine_close(struct engine *engine) {
  lua_State *L = engine->vm->L;
  runtime_close(engine->runtime);
  links_close_all(L);
  notifier_close(L);
  process_close_all(L);
  forget_stop(&engine->loop);
  uv_run(&engine->loop, UV_RUN_NOWAIT);
  close_luv(L);
  if (!run_out(&engine->loop)) return false;
  vm_free(engine->vm);
  runtime_free(engine->runtime);
  uv_walk(&engine->loop, close_foreign, NULL);
  uv_run(&engine->loop, UV_RUN_DEFAULT);
  uv_loop_close(&engine->loop);
  return true;
}
