/* SPDX-License-Identifier: Apache-2.0 */
/* Process host: see process_host.h. */
#include "api/process_host.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static const char environment_key; /* its address: the list as it was told last */

static size_t environment_size(void) {
  size_t size = 0;
  while (environ && environ[size]) size++;
  return size;
}

/* Is the list on top what the environment is now? */
static bool is_current(lua_State *L) {
  size_t size = environment_size(), i = 0;
  if (lua_type(L, -1) != LUA_TTABLE || lua_rawlen(L, -1) != size) return false;
  for (bool same = true; i < size; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    same = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), environ[i]) == 0;
    lua_pop(L, 1);
    if (!same) return false;
  }
  return true;
}

/* Every program that is started asks for it, and it seldom changes. */
int process_host_environment(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &environment_key);
  if (is_current(L)) return 1;
  size_t size = environment_size();
  lua_createtable(L, (int)size, 0);
  for (size_t i = 0; i < size; i++) {
    lua_pushstring(L, environ[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &environment_key);
  return 1;
}

void process_host_instance(lua_State *L) {
  char text[48];
  snprintf(text, sizeof text, "%d.%llx", (int)getpid(), (unsigned long long)uv_hrtime());
  lua_pushstring(L, text);
}

int process_host_failure(lua_State *L, int error, const struct launch_result *result) {
  const char *subject = result->subject ? result->subject : "";
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s%s%s", result->stage, strerror(-error), *subject ? ": " : "",
                  subject);
  lua_pushstring(L, strerrorname_np(-error)); /* libuv has no name for ENOEXEC */
  lua_pushstring(L, result->stage);
  return 4;
}
