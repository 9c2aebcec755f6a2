/* SPDX-License-Identifier: Apache-2.0 */
/* host.peer: who is at the other end of a local socket; documented in lua/meta/host_peer.lua.
 * Thread: the runtime's. */
#include <errno.h>
#include <sys/socket.h>
#include <uv.h>

#include "api/api.h"

/* of(fd) -> uid, pid, gid as of when it connected or listened, or nil, message, CODE */
static int of(lua_State *L) {
  struct ucred who;
  socklen_t length = sizeof who;
  int fd = (int)luaL_checkinteger(L, 1);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0)
    return api_error(L, uv_translate_sys_error(errno));
  lua_pushinteger(L, who.uid);
  lua_pushinteger(L, who.pid);
  lua_pushinteger(L, who.gid);
  return 3;
}

static const luaL_Reg functions[] = {{"of", of}, {NULL, NULL}};

int luaopen_host_peer(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
