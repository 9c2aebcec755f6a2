/* SPDX-License-Identifier: Apache-2.0 */
/* Process tail: see process_tail.h. */
#include "api/process_tail.h"

#include <lauxlib.h>

#include "output/tail.h"

static struct tail *choose(lua_State *L, struct tail *const tails[2]) {
  static const char *const names[] = {"stdout", "stderr", NULL};
  return tails[luaL_checkoption(L, 3, "stdout", names)];
}

static size_t push_text(lua_State *L, struct tail *tail, uint64_t since, size_t wanted,
                        uint64_t *total) {
  luaL_Buffer buffer;
  char *text = luaL_buffinitsize(L, &buffer, TAIL_SIZE);
  size_t len = tail_copy(tail, since, wanted, text, total);
  luaL_pushresultsize(&buffer, len);
  return len;
}

int process_tail_last(lua_State *L, struct tail *const tails[2]) {
  lua_Integer wanted = luaL_optinteger(L, 2, TAIL_SIZE);
  uint64_t total;
  push_text(L, choose(L, tails), 0, wanted > 0 ? (size_t)wanted : 0, &total);
  return 1;
}

int process_tail_news(lua_State *L, struct tail *const tails[2]) {
  uint64_t place = (uint64_t)luaL_checkinteger(L, 2), total;
  size_t len = push_text(L, choose(L, tails), place, TAIL_SIZE, &total);
  uint64_t since = place <= total ? total - place : total;
  lua_pushinteger(L, (lua_Integer)total);
  lua_pushinteger(L, (lua_Integer)(since - len));
  return 3;
}
