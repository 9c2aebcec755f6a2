/* SPDX-License-Identifier: Apache-2.0 */
/* Process host: see process_host.h. */
#include "api/process_host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

int process_host_environment(lua_State *L) {
  lua_newtable(L);
  for (lua_Integer i = 0; environ && environ[i]; i++) {
    lua_pushstring(L, environ[i]);
    lua_rawseti(L, -2, i + 1);
  }
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
