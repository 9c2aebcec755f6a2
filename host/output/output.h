/* SPDX-License-Identifier: Apache-2.0 */
/* Output: what a program writes, from its pipe to a spool or a sink, whole lines or bytes.
 *
 * The pipe is always drained. One turn of the loop reads at most 128 KiB of it, so that a
 * chatty program holds up nobody; one that goes on and on is read by the thread of its spool,
 * until it has less to say. While its spool is full it is left to wait, no longer
 * than the spool asks for. When the program is gone the rest is read until nobody holds
 * the pipe, but no longer than the drain time: a process that escaped with it delays
 * nothing.
 * Owns the read end. Thread: loop. */
#pragma once
#include <stddef.h>
#include <uv.h>

#include "output/lines.h"
#include "output/spool.h"
#include "output/tail.h"

struct output;

/* Takes bytes, borrowed for the call; whole lines if the output makes them. */
typedef void (*output_sink)(void *data, const char *bytes, size_t len);

/* Where it goes. The tap may not drain or free the output. */
struct output_target {
  const struct lines_style *style; /* borrowed for the call; NULL: bytes as they come */
  struct spool *spool;             /* released by the output; or NULL and a sink */
  output_sink sink;
  void (*over)(void *data); /* the sink will not be called again; may be NULL */
  void *data;
  struct tail *tail;   /* gets the bytes as they come; shared; may be NULL */
  struct output **all; /* head of a list of the outputs that are not freed yet */
  lines_tap_fn *tap;   /* hears each line, with a style, until it is drained; or NULL */
  void *tap_data;
};

/* Makes a pipe: returns owned an output that reads it, and in [write_end] an owned fd for
 * the program. NULL with [error] on failure, and the spool is the caller's still.
 * Thread: loop. */
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
