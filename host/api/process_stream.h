/* SPDX-License-Identifier: Apache-2.0 */
/* Process stream: what becomes of one of a program's standard streams.
 * Strings are borrowed from the options. Thread: main. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"
#include "output/spool.h"

enum stream_kind {
  STREAM_INHERIT,
  STREAM_NULL,
  STREAM_STDOUT, /* wherever stdout goes */
  STREAM_FILE,
  STREAM_LINES, /* onto the host's own stdout */
  STREAM_CALL,  /* a Lua function */
};

struct process_stream {
  enum stream_kind kind;
  const char *key;            /* "stdout" */
  struct spool_options spool; /* file.path and syslog.path NULL without one */
  struct lines_style style;
  bool is_lines;
};

/* Reads where a spool leads to from the table on top; raises an error on misuse. */
struct spool_options process_stream_spool(lua_State *L);

/* Reads the stream [key] of the options at [index]; raises an error that names the key on
 * misuse. Leaves nothing on the stack. */
struct process_stream process_stream_read(lua_State *L, int index, const char *key,
                                          enum stream_kind otherwise);

struct process_log;

/* What all streams of a state share. */
struct process_streams {
  struct spools *spools;
  struct output *all;       /* also those of processes that have closed */
  struct process_log *logs; /* those that Lua has open */
};

/* What a program's stdout and stderr lead to. */
struct process_pipes {
  struct output *outputs[2]; /* owned; NULL without a pipe */
  struct tail *tails[2];     /* shared; NULL before there was a pipe */
  lines_tap_fn *tap;         /* hears their lines; or NULL */
  void *tap_data;
};

struct process_options;
struct launch_result;

/* Opens the streams of the options at 1 for a launch; returns 0 or a negative libuv code,
 * with the stage in [result]. */
int process_stream_open(lua_State *L, struct process_options *options,
                        struct process_streams *streams, struct process_pipes *pipes,
                        struct launch_result *result);

/* Closes what was opened for the program's side. */
void process_stream_close(const int *stdio);

/* A spool_report with the main state as [data]: passes it to the function that
 * host.process.on_trouble, the other one, was given. */
void process_stream_trouble(void *data, const char *path, int error, unsigned long lines);
int process_stream_on_trouble(lua_State *L);
