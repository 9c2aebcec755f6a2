/* SPDX-License-Identifier: Apache-2.0 */
/* Host: see host.h. */
#include "host.h"

#include <lauxlib.h>
#include <lualib.h>
#include <luv/luv.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "api/notifier.h"
#include "api/process.h"
#include "files.h"
#include "modules.h"
#include "runtime.h"
#include "schedule.h"
#include "vm.h"
#include "writer.h"

enum {
  GC_WORK =
      1, /* collector's work for what is allocated, see LUA_GCINC; Lua's own is 100 */
  GC_STEP = 10 /* log2 of the bytes between two of its steps; Lua's own is 13 */
};

#define EXIT_FLUSH_MS 1000 /* for what stdout and stderr have not yet taken */

struct host {
  uv_loop_t loop;
  struct vm *vm;
  struct runtime *runtime;
};

/* luv calls back through here: an error in a callback ends that callback, nothing else */
static int call_back(lua_State *L, int nargs, int nresults, int flags) {
  int base = lua_gettop(L) - nargs - 1;
  (void)flags;
  int status = vm_call(L, nargs, nresults);
  return status == LUA_OK ? lua_gettop(L) - base : -status;
}

static void on_continue(int signal) {
  (void)signal;
  schedule_note_continue();
}

static void set_signals(void) {
  struct sigaction action = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &action, NULL);
  action.sa_handler = on_continue;
  action.sa_flags = SA_RESTART;
  sigaction(SIGCONT, &action, NULL);
}

/* For short pauses with very many workers: the collector works in small steps spread over
 * a long time, and a free never has to merge all that was freed before it. */
static void tune_memory(lua_State *L) {
  lua_gc(L, LUA_GCINC, 0, GC_WORK, GC_STEP);
  mallopt(M_MXFAST, 0);
}

/* luv's own walk is safe once only luv's handles are left; scripts do not get it */
static const char close_all[] =
    "local walk = ... walk(function(h) if not h:is_closing() then h:close() end end)";

static void set_up_state(struct host *host) {
  lua_State *L = host->vm->L;
  luv_set_loop(L, &host->loop);
  luv_set_callback(L, call_back);
  api_preload(L);
  modules_install(L);
  api_open_luv(L);
  lua_getfield(L, -1, "walk");
  lua_rawsetp(L, LUA_REGISTRYINDEX, close_all);
  lua_pop(L, 1);
  tune_memory(L);
}

int host_new(struct host **out) {
  struct host *host = calloc(1, sizeof *host);
  if (!host) return UV_ENOMEM;
  int r = uv_loop_init(&host->loop);
  if (r < 0) goto fail_loop;
  r = UV_ENOMEM;
  host->vm = vm_new(&host->loop, 0);
  if (!host->vm) goto fail_vm;
  r = runtime_new(host->vm, &host->runtime);
  if (r < 0) goto fail_runtime;
  set_signals();
  files_raise_limit();
  set_up_state(host);
  *out = host;
  return 0;
fail_runtime:
  vm_free(host->vm);
fail_vm:
  uv_loop_close(&host->loop);
fail_loop:
  free(host);
  return r;
}

/* calls require("luvisor.edge.cli").main(arguments); its exit code, -1 to run the loop */
static int call_cli(lua_State *L, int argc, char **argv) {
  int base = lua_gettop(L);
  int code = 1;
  lua_getglobal(L, "require");
  lua_pushliteral(L, "luvisor.edge.cli");
  if (vm_call(L, 1, 1) != LUA_OK) return code;
  lua_getfield(L, -1, "main");
  lua_createtable(L, argc, 0);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
  if (vm_call(L, 1, 1) == LUA_OK)
    code = lua_isnil(L, -1) ? -1 : (int)lua_tointeger(L, -1);
  lua_settop(L, base);
  return code;
}

int host_run(struct host *host, int argc, char **argv) {
  int code = call_cli(host->vm->L, argc, argv);
  if (code >= 0) return code;
  runtime_kick(host->runtime);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  return api_exit_code(host->vm->L);
}

static void close_foreign(uv_handle_t *handle, void *unused) {
  (void)unused;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void close_luv(lua_State *L) {
  if (luaL_loadstring(L, close_all) != LUA_OK) return;
  lua_rawgetp(L, LUA_REGISTRYINDEX, close_all);
  vm_call(L, 1, 0);
}

/* Runs the loop until nothing is left on it, a second at the most. */
static bool run_out(uv_loop_t *loop) {
  for (int ms = 0; uv_run(loop, UV_RUN_NOWAIT); ms++) {
    if (ms == EXIT_FLUSH_MS) return false;
    usleep(1000);
  }
  return true;
}

bool host_free(struct host *host) {
  lua_State *L = host->vm->L;
  runtime_close(host->runtime);
  notifier_close(L);
  process_close_all(L);
  uv_run(&host->loop, UV_RUN_NOWAIT);
  close_luv(L);
  if (!run_out(&host->loop)) {
    writer_stop(EXIT_FLUSH_MS);
    return false;
  }
  vm_free(host->vm);
  runtime_free(host->runtime);
  uv_walk(&host->loop, close_foreign, NULL);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  uv_loop_close(&host->loop);
  writer_stop(EXIT_FLUSH_MS);
  free(host);
  return true;
}
