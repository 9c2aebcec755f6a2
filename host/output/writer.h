/* SPDX-License-Identifier: Apache-2.0 */
/* Writer: the host's own stdout and stderr, without ever blocking on them.
 * One outlet each, of 1 MiB, begun at the first line: a terminal or pipe that is slow
 * costs lines (counted and marked) and never the loop's time, and a stdout that is stuck
 * does not hold up the log on stderr. The process has one of each, so this is the one
 * module with state of its own. Thread: any, but for writer_stop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Puts one or more whole lines onto [fd], 1 or 2. Thread: any. */
void writer_put(int fd, const char *bytes, size_t len);

/* Waits until both are written out, at most [ms]; returns whether they are.
 * Thread: any. */
bool writer_flush(unsigned ms);

/* The last error of a write to [fd], 1 or 2; 0 if none has failed. Thread: any. */
int writer_error(int fd);

/* Flushes for at most [ms] and ends both; a later put begins anew. Thread: main. */
void writer_stop(unsigned ms);
