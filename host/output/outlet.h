/* SPDX-License-Identifier: Apache-2.0 */
/* Outlet: one descriptor of the host, written by a thread of its own from a bounded ring.
 *
 * Putting never blocks. What finds no room is dropped whole and counted, and the line
 * "[N lines dropped]" stands in its place. Writes end at a line wherever one fits into
 * PIPE_BUF, so that lines of several writers do not mix. After EPIPE or EIO everything is
 * discarded; a full disk drops and goes on.
 * Owns the ring and the thread, borrows the descriptor. Thread: any. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct outlet;

/* Returns owned an outlet to [fd] that holds up to [room] bytes, NULL when out of memory.
 * What is put while there can be no thread waits for one. Thread: any. */
struct outlet *outlet_new(int fd, size_t room);

/* Puts [len] bytes, one or more whole lines. Thread: any. */
void outlet_put(struct outlet *outlet, const char *bytes, size_t len);

/* Waits until all is written, at most [ms]; returns whether it is. Thread: any. */
bool outlet_flush(struct outlet *outlet, unsigned ms);

/* The last error of a write, 0 if none has failed. Thread: any. */
int outlet_error(struct outlet *outlet);

/* Takes it down, and what is not written yet is lost. A thread whose write hangs is left
 * behind and frees it when that ends. NULL is fine. Thread: any, once. */
void outlet_free(struct outlet *outlet);
