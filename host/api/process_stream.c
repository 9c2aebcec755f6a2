/* SPDX-License-Identifier: Apache-2.0 */
/* Process stream: see process_stream.h. */
#include "api/process_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/process_options.h"
#include "base/input.h"
#include "output/writer.h"
#include "vm/vm.h"

enum { KEEP = 10 };
static const char trouble_key; /* the function of on_trouble */

/* ---- reading ---- */

static int bad_key(lua_State *L, const char *key, const char *expected) {
  return luaL_error(L, "%s must be %s", key, expected);
}

/* t[name] of the table on top; the table keeps the string alive */
static const char *read_text(lua_State *L, const char *name) {
  const char *text = NULL;
  size_t len = 0;
  int type = lua_getfield(L, -1, name);
  if (type == LUA_TSTRING) text = lua_tolstring(L, -1, &len);
  if (type != LUA_TNIL && (!text || strlen(text) != len))
    bad_key(L, name, "a string without a NUL byte");
  lua_pop(L, 1);
  return text;
}

static bool read_boolean(lua_State *L, const char *name) {
  lua_getfield(L, -1, name);
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static uint64_t read_count(lua_State *L, const char *name, lua_Integer otherwise) {
  int is_integer = 1;
  lua_Integer value = otherwise;
  if (lua_getfield(L, -1, name) != LUA_TNIL) value = lua_tointegerx(L, -1, &is_integer);
  if (!is_integer || value < 0) bad_key(L, name, "a whole number >= 0");
  lua_pop(L, 1);
  return (uint64_t)value;
}

/* syslog = { path =, ident =, priority = } */
static void read_syslog(lua_State *L, struct syslogger_options *syslog) {
  if (lua_getfield(L, -1, "syslog") != LUA_TNIL) {
    if (!lua_istable(L, -1)) bad_key(L, "syslog", "a table");
    syslog->path = read_text(L, "path");
    syslog->ident = read_text(L, "ident");
    syslog->priority = (int)read_count(L, "priority", 0);
    if (!syslog->path || !syslog->ident) bad_key(L, "syslog", "{ path =, ident = }");
  }
  lua_pop(L, 1);
}

struct spool_options process_stream_spool(lua_State *L) {
  struct spool_options options = {.gzip = read_boolean(L, "gzip")};
  options.file.path = read_text(L, "file");
  options.file.max_size = read_count(L, "max_size", 0);
  options.file.keep = (unsigned)read_count(L, "keep", KEEP);
  options.file.max_age = read_count(L, "max_age_ms", 0);
  read_syslog(L, &options.syslog);
  return options;
}

/* { file =, prefix =, ... } on top */
static void read_table(lua_State *L, struct process_stream *stream) {
  struct lines_style *style = &stream->style;
  stream->spool = process_stream_spool(L);
  style->prefix = read_text(L, "prefix");
  style->timestamp = read_boolean(L, "timestamp");
  style->unit = read_text(L, "json");
  style->stream = stream->key;
  stream->is_lines = stream->spool.syslog.path || style->prefix || style->timestamp ||
                     style->unit || read_boolean(L, "lines");
  bool has_spool = stream->spool.file.path || stream->spool.syslog.path;
  stream->kind = has_spool ? STREAM_FILE : STREAM_LINES;
  if (!has_spool && !stream->is_lines)
    bad_key(L, stream->key, "{ file = path } or { prefix = text }");
}

static void read_name(lua_State *L, struct process_stream *stream) {
  static const char *const names[] = {"inherit", "null", "stdout", NULL};
  const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  for (int i = 0; names[i]; i++)
    if (strcmp(name, names[i]) == 0) {
      stream->kind = (enum stream_kind)i;
      return;
    }
  bad_key(L, stream->key, "\"inherit\", \"null\", a function or a table");
}

struct process_stream process_stream_read(lua_State *L, int index, const char *key,
                                          enum stream_kind otherwise) {
  struct process_stream stream = {.kind = otherwise, .key = key};
  switch (lua_getfield(L, index, key)) {
    case LUA_TNIL: break;
    case LUA_TTABLE: read_table(L, &stream); break;
    case LUA_TFUNCTION:
      stream.kind = STREAM_CALL;
      stream.is_lines = true;
      break;
    default: read_name(L, &stream);
  }
  lua_pop(L, 1);
  return stream;
}

/* ---- sinks ---- */

static void put_stdout(void *data, const char *lines, size_t len) {
  (void)data;
  writer_put(STDOUT_FILENO, lines, len);
}

struct hearer {
  lua_State *L; /* the main one */
  int function; /* registry reference */
};

static void hear(void *data, const char *lines, size_t len) {
  struct hearer *hearer = data;
  lua_State *L = hearer->L;
  lua_checkstack(L, LUA_MINSTACK);
  lua_rawgeti(L, LUA_REGISTRYINDEX, hearer->function);
  lua_pushlstring(L, lines, len);
  vm_call(L, 1, 0);
}

static void free_hearer(void *data) {
  struct hearer *hearer = data;
  luaL_unref(hearer->L, LUA_REGISTRYINDEX, hearer->function);
  free(hearer);
}

static struct hearer *new_hearer(lua_State *L, const char *key) {
  struct hearer *hearer = malloc(sizeof *hearer);
  if (!hearer) return NULL;
  hearer->L = vm_of(L)->L;
  lua_getfield(L, 1, key);
  hearer->function = luaL_ref(L, LUA_REGISTRYINDEX);
  return hearer;
}

/* ---- opening ---- */

static int open_null(void) {
  int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/* What a pipe leads to: a spool, a function, or the host's stdout. */
static int set_target(lua_State *L, struct process_streams *streams,
                      const struct process_stream *stream, struct output_target *target) {
  target->all = &streams->all;
  target->style = stream->is_lines ? &stream->style : NULL;
  if (stream->kind == STREAM_FILE)
    return spool_open(streams->spools, &stream->spool, &target->spool);
  target->sink = put_stdout;
  if (stream->kind == STREAM_LINES) return 0;
  target->sink = hear;
  target->over = free_hearer;
  target->data = new_hearer(L, stream->key);
  return target->data ? 0 : UV_ENOMEM;
}

static int open_pipe(lua_State *L, struct process_streams *streams,
                     struct process_pipes *pipes, int which,
                     const struct process_stream *stream) {
  int fd = -1;
  struct tail **tail = &pipes->tails[which];
  struct output **output = &pipes->outputs[which];
  if (!*tail) *tail = tail_new();
  struct output_target target = {
      .tail = *tail, .tap = pipes->tap, .tap_data = pipes->tap_data};
  int error = set_target(L, streams, stream, &target);
  if (error) return error;
  *output = output_new(api_loop(L), &target, &fd, &error);
  if (*output) return fd;
  spool_release(target.spool);
  if (target.over) target.over(target.data);
  return error;
}

/* What becomes the program's fd [number]; *error when there is none. */
static int open_one(lua_State *L, struct process_streams *streams,
                    struct process_pipes *pipes, int number,
                    const struct process_stream *stream, int *error) {
  int fd;
  if (stream->kind == STREAM_INHERIT) return LAUNCH_INHERIT;
  if (stream->kind == STREAM_NULL)
    fd = open_null();
  else if (number == 0)
    fd = input_open_file(stream->spool.file.path);
  else
    fd = open_pipe(L, streams, pipes, number - 1, stream);
  *error = fd < 0 ? fd : 0;
  return fd;
}

int process_stream_open(lua_State *L, struct process_options *options,
                        struct process_streams *streams, struct process_pipes *pipes,
                        struct launch_result *result) {
  int *stdio = options->spec.stdio, error = 0;
  for (int i = 0; i < 3 && !error; i++) {
    if (options->streams[i].kind == STREAM_STDOUT) continue;
    stdio[i] = open_one(L, streams, pipes, i, &options->streams[i], &error);
    result->stage = options->streams[i].kind > STREAM_FILE ? "pipe" : "open";
    result->subject = options->streams[i].spool.file.path;
  }
  if (options->streams[2].kind == STREAM_STDOUT)
    stdio[2] = stdio[1] == LAUNCH_INHERIT ? STDOUT_FILENO : stdio[1];
  return error;
}

/* stderr may be the same fd as stdout, or the host's own */
void process_stream_close(const int *stdio) {
  for (int i = 0; i < 3; i++)
    if (stdio[i] > STDERR_FILENO && (i != 2 || stdio[2] != stdio[1])) close(stdio[i]);
}

/* ---- trouble ---- */

int process_stream_on_trouble(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &trouble_key);
  return 0;
}

/* fn(path, message or nil, lines) */
void process_stream_trouble(void *data, const char *path, int error,
                            unsigned long lines) {
  lua_State *L = data;
  lua_checkstack(L, LUA_MINSTACK);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &trouble_key) != LUA_TFUNCTION) {
    lua_pop(L, 1);
    return;
  }
  lua_pushstring(L, path);
  if (error)
    lua_pushstring(L, strerror(-error));
  else
    lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)lines);
  vm_call(L, 3, 0);
}
