/* SPDX-License-Identifier: Apache-2.0 */
/* host.orphans: processes that no program of this host owns: those that the kernel has
 * handed to it, and those that an earlier host has left behind; documented in
 * lua/meta/host_orphans.lua. Thread: the main thread. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/api.h"
#include "api/process.h"
#include "process/kin.h"
#include "process/mark.h"
#include "process/nursery.h"

enum { SHOWN = 256 };

static int find_inherited(lua_State *L, pid_t *pids) {
  struct nursery *nursery = process_nursery(L);
  if (!nursery) return 0;
  struct kin_owner owner = nursery_owner(nursery);
  return kin_orphans(&owner, pids, SHOWN);
}

/* Short of something for now: it could not look, which does not mean that nobody is there. */
static bool is_passing(int error) {
  return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

/* inherited() -> pids of living ones, at most 256; empty where there is no telling; nil,
 * message, CODE when there is none for now */
static int inherited(lua_State *L) {
  pid_t pids[SHOWN];
  int count = find_inherited(L, pids);
  return is_passing(count) ? api_error(L, count) : api_pids(L, pids, count);
}

/* unmarked() -> pids of those among them that nothing ties to a unit any more */
static int unmarked(lua_State *L) {
  char mark[MARK_SIZE];
  pid_t pids[SHOWN];
  int count = find_inherited(L, pids), kept = 0;
  for (int i = 0; i < count; i++)
    if (mark_read(pids[i], mark) == UV_ENOENT) pids[kept++] = pids[i];
  return api_pids(L, pids, kept);
}

/* kill_inherited() -> how many. None of them is reaped before this returns, so a pid means
 * the one that was found. */
static int kill_inherited(lua_State *L) {
  pid_t pids[SHOWN];
  int count = find_inherited(L, pids);
  for (int i = 0; i < count; i++) kill(pids[i], SIGKILL);
  lua_pushinteger(L, count > 0 ? count : 0);
  return 1;
}

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), wanted = strlen(end);
  return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

static void push_marked(lua_State *L, pid_t pid, const char *mark) {
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, pid);
  lua_setfield(L, -2, "pid");
  lua_pushinteger(L, getsid(pid));
  lua_setfield(L, -2, "session");
  lua_pushstring(L, mark);
  lua_setfield(L, -2, "mark");
}

/* find(end) -> list of { pid, session, mark }: all whose mark ends so, or nil, message, CODE */
static int find(lua_State *L) {
  const char *end = luaL_checkstring(L, 1);
  char mark[MARK_SIZE];
  struct dirent *entry;
  DIR *proc = opendir("/proc");
  if (!proc) return api_error(L, -errno);
  lua_newtable(L);
  for (lua_Integer count = 0; (entry = readdir(proc)) != NULL;) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (pid <= 0 || pid == getpid()) continue;
    int error = mark_read(pid, mark);
    if (is_passing(error)) {
      closedir(proc);
      return api_error(L, error);
    }
    if (error || !ends_with(mark, end)) continue;
    push_marked(L, pid, mark);
    lua_rawseti(L, -2, ++count);
  }
  closedir(proc);
  return 1;
}

static int send_to(pid_t pid, const char *wanted, int signal) {
  char mark[MARK_SIZE];
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return -errno;
  struct pollfd dead = {.fd = pidfd, .events = POLLIN};
  int error = mark_read(pid, mark);
  if (!error && (strcmp(mark, wanted) != 0 || poll(&dead, 1, 0) != 0)) error = -ESRCH;
  if (!error && syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0)
    error = -errno;
  close(pidfd);
  return error;
}

/* signal(pid, mark, number) -> true, or nil, message, CODE: ESRCH when it is gone, or is
 * not the one with that mark */
static int signal_marked(lua_State *L) {
  return api_result(L, send_to((pid_t)luaL_checkinteger(L, 1), luaL_checkstring(L, 2),
                               (int)luaL_checkinteger(L, 3)));
}

static const luaL_Reg functions[] = {
    {"inherited", inherited},           {"unmarked", unmarked},
    {"kill_inherited", kill_inherited}, {"find", find},
    {"signal", signal_marked},          {NULL, NULL},
};

int luaopen_host_orphans(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
