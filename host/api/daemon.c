/* SPDX-License-Identifier: Apache-2.0 */
/* host.daemon: what makes the process one that others may rely on: its lock, its standard
 * streams, the descriptors it was started with; documented in lua/meta/host_daemon.lua.
 * Thread: the main thread. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "base/lock.h"
#include "base/socket.h"
#include "output/logfile.h"
#include "output/writer.h"

enum { FLUSH_MS = 1000 };

/* lock(path) -> fd, or nil, message, CODE, the holder's pid */
static int lock(lua_State *L) {
  pid_t holder;
  int fd = lock_take(luaL_checkstring(L, 1), &holder);
  if (fd < 0) {
    api_error(L, fd);
    lua_pushinteger(L, holder);
    return 4;
  }
  lua_pushinteger(L, fd);
  return 1;
}

static int put_in_place(int fd, int target) {
  return dup2(fd, target) < 0 ? -errno : 0;
}

static int point_streams(const char *path) {
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int log = logfile_open_path(path);
  int error = null < 0 ? -errno : log < 0 ? log : 0;
  writer_flush(FLUSH_MS);
  if (!error) error = put_in_place(null, STDIN_FILENO);
  if (!error) error = put_in_place(log, STDOUT_FILENO);
  if (!error) error = put_in_place(log, STDERR_FILENO);
  if (null > STDERR_FILENO) close(null);
  if (log > STDERR_FILENO) close(log);
  return error;
}

/* streams(path): stdin is empty, stdout and stderr are appended to a file */
static int streams(lua_State *L) {
  return api_result(L, point_streams(luaL_checkstring(L, 1)));
}

/* keep(fd): no child gets it by accident; false when it is not open */
static int keep(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  lua_pushboolean(L, fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
  return 1;
}

/* the integer at a key, or another one */
static int field(lua_State *L, const char *key, int otherwise) {
  lua_getfield(L, 1, key);
  int value = (int)luaL_optinteger(L, -1, otherwise);
  lua_pop(L, 1);
  return value;
}

static const char *text_field(lua_State *L, const char *key) {
  lua_getfield(L, 1, key);
  const char *text = luaL_optstring(L, -1, NULL);
  lua_pop(L, 1); /* the table keeps it */
  return text;
}

/* listen{ host, port or path, mode, backlog } -> fd, or nil, message, CODE */
static int open_socket(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  struct socket_place place = {.host = text_field(L, "host"),
                               .path = text_field(L, "path"),
                               .port = field(L, "port", 0),
                               .mode = field(L, "mode", -1),
                               .backlog = field(L, "backlog", 0)};
  luaL_argcheck(L, place.host || place.path, 1, "neither host nor path");
  int fd = socket_open(&place);
  if (fd < 0) return api_error(L, fd);
  lua_pushinteger(L, fd);
  return 1;
}

static const luaL_Reg functions[] = {
    {"lock", lock},          {"streams", streams}, {"keep", keep},
    {"listen", open_socket}, {NULL, NULL},
};

int luaopen_host_daemon(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
