/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds the control socket's framing and its JSON-RPC any bytes, in pieces of any size: what
 * has to hold of them is in control.lua.
 * sources: host/api/json.c host/base/json.c */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int luaopen_host_json(lua_State *L);

enum { LINES = 4096 };

static lua_State *L;

/* What libFuzzer takes for coverage: each line of Lua that was come by. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[LINES];

static void count_line(lua_State *at, lua_Debug *line) {
  lua_getinfo(at, "S", line);
  counters[((size_t)line->source + (size_t)line->currentline) % LINES]++;
}

static void fail(void) {
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  abort();
}

/* Leaves the function to be fed on the stack. */
static void open_state(void) {
  L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "host.json", luaopen_host_json, 0);
  lua_settop(L, 0);
  if (luaL_dofile(L, "tests/fuzz/control.lua") != LUA_OK) fail();
  lua_sethook(L, count_line, LUA_MASKLINE, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (!L) open_state();
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)bytes, length);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) fail();
  return 0;
}
