/* SPDX-License-Identifier: Apache-2.0 */
/* host.account: users, groups, and what the host itself may do; documented in
 * lua/meta/host_account.lua. Thread: the main thread. */
#include "base/account.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "api/api.h"
#include "base/rlimit.h"

static void set_text(lua_State *L, const char *key, const char *text) {
  lua_pushstring(L, text ? text : "");
  lua_setfield(L, -2, key);
}

static void set_id(lua_State *L, const char *key, lua_Integer id) {
  lua_pushinteger(L, id);
  lua_setfield(L, -2, key);
}

static lua_Integer check_id(lua_State *L, int index) {
  lua_Integer id = luaL_checkinteger(L, index);
  luaL_argcheck(L, id >= 0 && id < UINT32_MAX, index, "not an id");
  return id;
}

/* user(name or uid) -> { name, uid, gid, home, shell }, or nil, message, CODE */
static int user(lua_State *L) {
  struct account account;
  bool by_id = lua_type(L, 1) == LUA_TNUMBER;
  const char *name = by_id ? NULL : luaL_checkstring(L, 1);
  uid_t uid = by_id ? (uid_t)check_id(L, 1) : 0;
  int error = account_find(name, uid, &account);
  if (error) return api_error(L, error);
  lua_createtable(L, 0, 5);
  set_text(L, "name", account.name);
  set_text(L, "home", account.home);
  set_text(L, "shell", account.shell);
  set_id(L, "uid", account.uid);
  set_id(L, "gid", account.gid);
  account_clear(&account);
  return 1;
}

/* group(name) -> gid, or nil, message, CODE */
static int group(lua_State *L) {
  gid_t gid;
  int error = account_group(luaL_checkstring(L, 1), &gid);
  if (error) return api_error(L, error);
  lua_pushinteger(L, gid);
  return 1;
}

/* groups(name, gid) -> list of gids, or nil, message, CODE */
static int groups(lua_State *L) {
  gid_t *list;
  size_t count;
  const char *name = luaL_checkstring(L, 1);
  int error = account_groups(name, (gid_t)check_id(L, 2), &list, &count);
  if (error) return api_error(L, error);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    lua_pushinteger(L, list[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  free(list);
  return 1;
}

/* own() -> uid, gid that the host acts as */
static int own(lua_State *L) {
  lua_pushinteger(L, geteuid());
  lua_pushinteger(L, getegid());
  return 2;
}

/* may("setuid") -> whether the host has that capability */
static int may(lua_State *L) {
  static const char *const names[] = {"setuid", "setgid", "sys_nice", "sys_resource",
                                      NULL};
  static const int capabilities[] = {CAP_SETUID, CAP_SETGID, CAP_SYS_NICE,
                                     CAP_SYS_RESOURCE};
  lua_pushboolean(L, account_may(capabilities[luaL_checkoption(L, 1, NULL, names)]));
  return 1;
}

static void push_limit(lua_State *L, rlim_t value) {
  lua_pushnumber(L, value == RLIM_INFINITY ? HUGE_VAL : (lua_Number)value);
}

/* limit("nofile") -> soft, hard limit of the host; math.huge: none */
static int limit(lua_State *L) {
  struct rlimit value = {RLIM_INFINITY, RLIM_INFINITY};
  int resource = rlimit_resource(luaL_checkstring(L, 1));
  luaL_argcheck(L, resource >= 0, 1, "unknown limit");
  getrlimit((__rlimit_resource_t)resource, &value);
  push_limit(L, value.rlim_cur);
  push_limit(L, value.rlim_max);
  return 2;
}

/* A script is executed as what it is run by; and one that cannot be read is no script. */
static bool is_script(const char *path) {
  char start[2] = "";
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  bool is = fd >= 0 && read(fd, start, 2) == 2 && memcmp(start, "#!", 2) == 0;
  if (fd >= 0) close(fd);
  return is;
}

static const char *elevation(const char *path, uid_t uid, gid_t gid) {
  struct stat stat_of;
  struct statvfs system;
  if (stat(path, &stat_of) < 0 || !S_ISREG(stat_of.st_mode) || is_script(path))
    return NULL;
  if (statvfs(path, &system) == 0 && system.f_flag & ST_NOSUID) return NULL;
  if (stat_of.st_mode & S_ISUID && stat_of.st_uid != uid) return "setuid";
  if (stat_of.st_mode & S_ISGID && stat_of.st_mode & S_IXGRP && stat_of.st_gid != gid)
    return "setgid";
  bool gains = uid != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
  return gains ? "has capabilities" : NULL;
}

/* elevation(path, uid, gid) -> "setuid", "setgid", "has capabilities" or nil */
static int elevates(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lua_pushstring(L, elevation(path, (uid_t)check_id(L, 2), (gid_t)check_id(L, 3)));
  return 1;
}

static const luaL_Reg functions[] = {
    {"user", user}, {"group", group}, {"groups", groups},      {"own", own},
    {"may", may},   {"limit", limit}, {"elevation", elevates}, {NULL, NULL},
};

int luaopen_host_account(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
