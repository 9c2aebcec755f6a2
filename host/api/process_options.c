/* SPDX-License-Identifier: Apache-2.0 */
/* Process options: see process_options.h. */
#include "api/process_options.h"

#include <lauxlib.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/rlimit.h"
#include "process/mark.h"

enum { DRAIN_MS = 1000 };

static int bad_key(lua_State *L, const char *key, const char *expected) {
  return luaL_error(L, "%s must be %s", key, expected);
}

/* pushes t[key]; false, with nothing pushed, when it is nil */
static bool get(lua_State *L, int index, const char *key) {
  if (lua_getfield(L, index, key) != LUA_TNIL) return true;
  lua_pop(L, 1);
  return false;
}

/* The string on top, popped: the table it came from keeps it alive. */
static const char *pop_string(lua_State *L, const char *key) {
  size_t len;
  if (lua_type(L, -1) != LUA_TSTRING) bad_key(L, key, "a string");
  const char *text = lua_tolstring(L, -1, &len);
  if (strlen(text) != len) bad_key(L, key, "without a NUL byte");
  lua_pop(L, 1);
  return text;
}

static lua_Integer pop_integer(lua_State *L, const char *key) {
  int is_integer;
  lua_Integer value = lua_tointegerx(L, -1, &is_integer);
  if (!is_integer) bad_key(L, key, "an integer");
  lua_pop(L, 1);
  return value;
}

static bool pop_boolean(lua_State *L, const char *key) {
  if (!lua_isboolean(L, -1)) bad_key(L, key, "a boolean");
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static const char *read_string(lua_State *L, int index, const char *key) {
  return get(L, index, key) ? pop_string(L, key) : NULL;
}

static bool read_integer(lua_State *L, int index, const char *key, lua_Integer *value) {
  if (!get(L, index, key)) return false;
  *value = pop_integer(L, key);
  return true;
}

static bool read_boolean(lua_State *L, int index, const char *key, bool otherwise) {
  return get(L, index, key) ? pop_boolean(L, key) : otherwise;
}

/* t[key], a list of strings -> userdata with the NULL-terminated vector, which has room
 * for one more */
static const char **push_vector(lua_State *L, int index, const char *key) {
  if (!get(L, index, key) || !lua_istable(L, -1)) bad_key(L, key, "a list of strings");
  size_t count = lua_rawlen(L, -1);
  const char **vector = lua_newuserdatauv(L, (count + 2) * sizeof *vector, 1);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -2, (lua_Integer)i + 1);
    vector[i] = pop_string(L, key);
  }
  vector[count] = NULL;
  lua_insert(L, -2); /* vector, list */
  lua_setiuservalue(L, -2, 1);
  return vector;
}

static void push_groups(lua_State *L, int index, struct launch_spec *spec) {
  spec->has_groups = get(L, index, "groups");
  if (!spec->has_groups) {
    lua_pushnil(L);
    return;
  }
  if (!lua_istable(L, -1)) bad_key(L, "groups", "a list of group ids");
  spec->group_count = lua_rawlen(L, -1);
  gid_t *groups = lua_newuserdatauv(L, (spec->group_count + 1) * sizeof *groups, 0);
  for (size_t i = 0; i < spec->group_count; i++) {
    lua_rawgeti(L, -2, (lua_Integer)i + 1);
    groups[i] = (gid_t)pop_integer(L, "groups");
  }
  lua_remove(L, -2);
  spec->groups = groups;
}

/* the number on top, popped; math.huge is no limit */
static rlim_t pop_limit(lua_State *L, const char *name) {
  double value = lua_tonumber(L, -1);
  if (lua_type(L, -1) != LUA_TNUMBER || value < 0 || isnan(value))
    bad_key(L, name, "a limit, or { soft, hard }");
  lua_pop(L, 1);
  return value >= 0x1p63 ? RLIM_INFINITY : (rlim_t)value;
}

/* The place for a resource: a limit replaces what was set for it before. */
static struct launch_limit *limit_of(struct launch_spec *spec, int resource) {
  for (size_t i = 0; i < spec->limit_count; i++)
    if (spec->limits[i].resource == resource) return &spec->limits[i];
  struct launch_limit *limit = &spec->limits[spec->limit_count++];
  limit->resource = resource;
  return limit;
}

static void read_limit(lua_State *L, const char *name, struct rlimit *value) {
  if (!lua_istable(L, -1)) {
    value->rlim_cur = value->rlim_max = pop_limit(L, name);
    return;
  }
  lua_rawgeti(L, -1, 1);
  value->rlim_cur = pop_limit(L, name);
  lua_rawgeti(L, -1, 2);
  value->rlim_max = pop_limit(L, name);
  lua_pop(L, 1);
}

static void read_limits(lua_State *L, int index, struct launch_spec *spec) {
  if (!get(L, index, "limits")) return;
  if (!lua_istable(L, -1)) bad_key(L, "limits", "a table");
  int limits = lua_gettop(L);
  for (int i = 0; i < RLIM_NLIMITS; i++)
    if (rlimit_name(i) && get(L, limits, rlimit_name(i)))
      read_limit(L, rlimit_name(i), &limit_of(spec, i)->value);
  lua_pop(L, 1);
}

static void read_identity(lua_State *L, int index, struct launch_spec *spec) {
  lua_Integer id;
  spec->has_uid = read_integer(L, index, "uid", &id);
  if (spec->has_uid) spec->uid = (uid_t)id;
  spec->has_gid = read_integer(L, index, "gid", &id);
  if (spec->has_gid) spec->gid = (gid_t)id;
}

static void read_attributes(lua_State *L, int index, struct launch_spec *spec) {
  lua_Integer value;
  spec->cwd = read_string(L, index, "cwd");
  spec->oom_score = read_string(L, index, "oom_score");
  spec->has_umask = read_integer(L, index, "umask", &value);
  if (spec->has_umask) spec->umask = (mode_t)value;
  spec->has_nice = read_integer(L, index, "nice", &value);
  if (spec->has_nice) spec->nice = (int)value;
  spec->no_new_privs = read_boolean(L, index, "no_new_privs", false);
  spec->die_with_host = read_boolean(L, index, "die_with_host", true);
}

static void read_streams(lua_State *L, int index, struct process_options *options) {
  struct process_stream *streams = options->streams;
  streams[0] = process_stream_read(L, index, "stdin", STREAM_NULL);
  streams[1] = process_stream_read(L, index, "stdout", STREAM_INHERIT);
  streams[2] = process_stream_read(L, index, "stderr", STREAM_INHERIT);
  bool is_file = streams[0].kind == STREAM_FILE && !streams[0].is_lines;
  if (streams[0].kind > STREAM_NULL && !is_file)
    bad_key(L, "stdin", "\"inherit\", \"null\" or { file = path }");
  if (streams[1].kind == STREAM_STDOUT) bad_key(L, "stdout", "something else");
}

/* fds = { [target] = source } */
static void read_fds(lua_State *L, int index, struct launch_spec *spec) {
  if (!get(L, index, "fds")) return;
  if (!lua_istable(L, -1)) bad_key(L, "fds", "a table");
  for (lua_pushnil(L); lua_next(L, -2);) {
    struct launch_fd *fd = &spec->fds[spec->fd_count];
    if (spec->fd_count == LAUNCH_FDS || !lua_isinteger(L, -2) || lua_tointeger(L, -2) < 3)
      bad_key(L, "fds", "up to 16 of [fd >= 3] = fd of the host");
    fd->source = (int)pop_integer(L, "fds");
    fd->target = (int)lua_tointeger(L, -1);
    spec->fd_count++;
  }
  lua_pop(L, 1);
}

static unsigned read_drain(lua_State *L, int index) {
  if (!get(L, index, "drain_timeout")) return DRAIN_MS;
  double seconds = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (!(seconds >= 0 && seconds < 1e6)) bad_key(L, "drain_timeout", "seconds");
  return (unsigned)(seconds * 1000);
}

/* What the program is told of its name, in place of the file that it is. */
static void read_argv0(lua_State *L, int index, const char **argv) {
  const char *name = read_string(L, index, "argv0");
  if (name) argv[0] = name;
}

static void push_cgroups(lua_State *L, int index, struct launch_spec *spec) {
  if (!get(L, index, "cgroups")) {
    lua_pushnil(L);
    return;
  }
  lua_pop(L, 1);
  spec->cgroups = push_vector(L, index, "cgroups");
}

/* The environment, and at its end who the sockets are for, which the child fills in. */
static void read_environment(lua_State *L, int index, struct process_options *options) {
  static const char name[] = "LISTEN_PID=";
  const char **list = push_vector(L, index, "env");
  options->spec.envp = (char *const *)list;
  if (read_boolean(L, index, "marked", false))
    options->spec.mark = mark_of(options->spec.envp);
  if (!read_boolean(L, index, "listen_pid", false)) return;
  memcpy(options->listen_pid, name, sizeof name);
  options->spec.listen_pid = options->listen_pid + strlen(name);
  while (*list) list++;
  list[0] = options->listen_pid;
  list[1] = NULL;
}

int process_options_read(lua_State *L, int index, struct process_options *options) {
  luaL_checktype(L, index, LUA_TTABLE);
  index = lua_absindex(L, index);
  launch_spec_init(&options->spec);
  const char **argv = push_vector(L, index, "command");
  if (!argv[0]) bad_key(L, "command", "a list with a program");
  options->spec.file = argv[0];
  read_argv0(L, index, argv);
  options->spec.argv = (char *const *)argv;
  read_environment(L, index, options);
  push_groups(L, index, &options->spec);
  push_cgroups(L, index, &options->spec);
  read_attributes(L, index, &options->spec);
  read_identity(L, index, &options->spec);
  read_limits(L, index, &options->spec);
  read_streams(L, index, options);
  read_fds(L, index, &options->spec);
  options->drain_ms = read_drain(L, index);
  return 4;
}

/* "RTMIN" or "RTMIN+3" */
static int realtime_signal(const char *name) {
  int offset = 0, length = 0;
  if (name[5] && (sscanf(name + 5, "+%2d%n", &offset, &length) < 1 || name[5 + length]))
    return -1;
  return SIGRTMIN + offset <= SIGRTMAX ? SIGRTMIN + offset : -1;
}

static int signal_of_name(const char *name) {
  if (strcmp(name, "TERM") == 0) return SIGTERM; /* the usual ones at once */
  if (strcmp(name, "CONT") == 0) return SIGCONT;
  if (strcmp(name, "KILL") == 0) return SIGKILL;
  if (strncasecmp(name, "SIG", 3) == 0) name += 3;
  if (strncasecmp(name, "RTMIN", 5) == 0) return realtime_signal(name);
  if (strcasecmp(name, "IO") == 0) return SIGIO; /* known as POLL below */
  for (int number = 1; number < SIGRTMIN; number++) {
    const char *known = sigabbrev_np(number);
    if (known && strcasecmp(known, name) == 0) return number;
  }
  return -1;
}

int process_options_signal(lua_State *L, int index) {
  int is_integer;
  lua_Integer number = lua_tointegerx(L, index, &is_integer);
  if (!is_integer) number = signal_of_name(luaL_checkstring(L, index));
  luaL_argcheck(L, number > 0 && number < NSIG, index, "unknown signal");
  return (int)number;
}
