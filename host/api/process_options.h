/* SPDX-License-Identifier: Apache-2.0 */
/* Process options: the table given to process.spawn, read into a launch spec.
 * Strings are borrowed from the table. Thread: the state's. */
#pragma once
#include <lua.h>

#include "api/process_stream.h"
#include "process/launch.h"

struct process_options {
  struct launch_spec spec;
  struct process_stream streams[3];
  unsigned drain_ms;
  char listen_pid[32]; /* "LISTEN_PID=", and room for the pid */
};

/* Reads the table at [index]; raises an error that names the key on misuse. Leaves on
 * the stack, as many as it returns, the values that [options] borrows from. */
int process_options_read(lua_State *L, int index, struct process_options *options);

/* Number of the signal at [index] given as 15, "TERM" or "SIGTERM"; raises on others. */
int process_options_signal(lua_State *L, int index);
