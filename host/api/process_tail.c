/* SPDX-License-Identifier: Apache-2.0 */
/* Process tail: see process_tail.h. */
#include "api/process_tail.h"

#include <lauxlib.h>

#include "tail.h"

static const struct tail *choose(lua_State *L, struct tail *const tails[2]) {
  static const char *const names[] = {"stdout", "stderr", NULL};
  return tails[luaL_checkoption(L, 3, "stdout", names)];
}

static void push_last(lua_State *L, const struct tail *tail, size_t len) {
  luaL_Buffer buffer;
  char *text = luaL_buffinitsize(L, &buffer, len);
  tail_copy(tail, len, text);
  luaL_pushresultsize(&buffer, len);
}

int process_tail_last(lua_State *L, struct tail *const tails[2]) {
  lua_Integer wanted = luaL_optinteger(L, 2, TAIL_SIZE);
  const struct tail *tail = choose(L, tails);
  size_t len = tail_length(tail);
  if (wanted < (lua_Integer)len) len = wanted > 0 ? (size_t)wanted : 0;
  push_last(L, tail, len);
  return 1;
}

int process_tail_news(lua_State *L, struct tail *const tails[2]) {
  uint64_t place = (uint64_t)luaL_checkinteger(L, 2);
  const struct tail *tail = choose(L, tails);
  uint64_t total = tail_total(tail), since = place <= total ? total - place : total;
  size_t len = since < tail_length(tail) ? (size_t)since : tail_length(tail);
  push_last(L, tail, len);
  lua_pushinteger(L, (lua_Integer)total);
  lua_pushinteger(L, (lua_Integer)(since - len));
  return 3;
}
