/* SPDX-License-Identifier: Apache-2.0 */
/* Output: what a program writes, from its pipe to a line sink, with a prefix.
 *
 * The pipe is always drained. One turn of the loop reads at most 32 KiB of it, so that a
 * chatty program holds up nobody. A line of more than 64 KiB is split, each part but
 * the last marked; the last line needs no end. When the program is gone the rest is read
 * until nobody holds the pipe, but no longer than the drain time: a process that escaped
 * with it delays nothing.
 * Owns the read end. Thread: loop. */
#pragma once
#include <stddef.h>
#include <uv.h>

enum { OUTPUT_LINE = 64 * 1024 };

struct output;

/* Takes whole lines, borrowed for the call. */
typedef void (*output_sink)(void *data, const char *lines, size_t len);

/* Where lines go. The tap may not drain or free the output. */
struct output_target {
  const char *prefix; /* copied; before each line */
  output_sink sink;
  void *data;
  struct output **all; /* head of a list of the outputs that are not freed yet */
  output_sink tap;     /* hears each line, bare, until it is drained; or NULL */
  void *tap_data;
};

/* Makes a pipe: returns owned an output that reads it, and in [write_end] an owned fd for
 * the program. NULL with [error] on failure. Thread: loop. */
struct output *output_new(uv_loop_t *loop, const struct output_target *target,
                          int *write_end, int *error);

/* Reads now what the pipe holds, without waiting: all that a dead program has left.
 * Thread: loop. */
void output_catch_up(struct output *output);

/* The program is gone: reads on until the end of the pipe, at most [ms], and frees the
 * output then. It may not be used after this but through the list. Thread: loop. */
void output_drain(struct output *output, unsigned ms);

/* Passes on a last partial line and frees it; NULL is fine. Thread: loop. */
void output_free(struct output *output);

/* Opens [path] for appending and returns an owned fd or a negative libuv code. It is
 * made if missing; a symbolic link (UV_ELOOP), or anything but a regular file or a
 * character device (UV_EINVAL), is refused. Thread: any. */
int output_open_file(const char *path);
