/* SPDX-License-Identifier: Apache-2.0 */
/* A link that cannot be opened for want of memory leaves nothing behind. */
#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "base/deadline.h"
#include "engine.h"
#include "executor/guest.h"
#include "executor/runtime.h"
#include "vm/vm.h"

enum { STEP = 16, MOST = 8192, ROUNDS = 10000 };

static struct engine engine;
static uv_loop_t *loop;

static int setup(void **state) {
  (void)state;
  int error = engine_open(&engine, DEADLINE_FEW_BITS);
  if (error) return error;
  error = runtime_open_loop(engine.runtime);
  loop = runtime_loop(engine.runtime);
  return error;
}

static int teardown(void **state) {
  (void)state;
  return engine_close(&engine) ? 0 : -1;
}

static void count(uv_handle_t *handle, void *data) {
  if (!uv_is_closing(handle)) ++*(unsigned *)data;
}

static unsigned handles(void) {
  unsigned number = 0;
  uv_walk(loop, count, &number);
  return number;
}

/* make(fd) -> link, with callbacks that do nothing */
static void load(const char *maker) {
  lua_State *L = engine.vm->L;
  lua_pushfstring(L,
                  "local guest, nothing = require 'host.guest', function() end\n"
                  "return function(fd) return assert(guest.%s({ fd }, nothing, nothing)) "
                  "end",
                  maker);
  const char *code = lua_tostring(L, -1);
  assert_int_equal(luaL_loadbuffer(L, code, strlen(code), "=code"), LUA_OK);
  assert_int_equal(vm_pcall(L, 0, 1), LUA_OK);
}

/* Calls what was loaded with so much memory; whether that was enough. */
static bool open_with(size_t room, int fd) {
  lua_State *L = engine.vm->L;
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  lua_pushvalue(L, -1);
  lua_pushinteger(L, fd);
  engine.vm->memory.limit = engine.vm->memory.used + room;
  engine.vm->relaxed = true;
  int status = vm_pcall(L, 1, 1);
  engine.vm->memory.limit = 0;
  if (status == LUA_OK) {
    lua_getfield(L, -1, "close");
    lua_insert(L, -2);
    assert_int_equal(vm_pcall(L, 1, 0), LUA_OK);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

static void try_stream(unsigned before, unsigned *failed) {
  for (size_t room = 0; room < MOST; room += STEP) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    bool opened = open_with(room, fds[0]);
    assert_int_equal(handles(), before);
    uv_run(loop, UV_RUN_NOWAIT);
    if (!opened) assert_int_equal(close(fds[0]), 0); /* still ours */
    close(fds[1]);
    *failed += !opened;
  }
}

static void a_stream_is_not_left_open(void **state) {
  (void)state;
  unsigned failed = 0;
  load("stream");
  try_stream(handles(), &failed);
  assert_in_range(failed, 3, MOST / STEP - 1);
}

static void end_at_once(struct guest *guest) {
  (void)guest;
}

static void a_thread_is_not_left_to_nobody(void **state) {
  (void)state;
  unsigned failed = 0;
  guest_set_main(end_at_once);
  load("thread");
  unsigned before = handles();
  for (size_t room = 0; room < MOST; room += 4 * STEP) {
    failed += !open_with(room, 0);
    assert_int_equal(handles(), before);
    uv_run(loop, UV_RUN_NOWAIT);
  }
  assert_in_range(failed, 3, MOST / STEP / 4 - 1);
  for (int i = 0; guests_living() > 0 && i < ROUNDS; i++) usleep(1000);
  assert_int_equal(guests_living(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_stream_is_not_left_open, setup, teardown),
      cmocka_unit_test_setup_teardown(a_thread_is_not_left_to_nobody, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
