/* SPDX-License-Identifier: Apache-2.0 */
/* Process host: see process_host.h. */
#include "api/process_host.h"

#include <stdio.h>
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
