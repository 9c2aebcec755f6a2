/* SPDX-License-Identifier: Apache-2.0 */
/* Tail: the last 64 KiB of a stream. Takes no more memory than was put into it.
 * Shared by counting who holds it. Thread: loop. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { TAIL_SIZE = 64 * 1024 };

struct tail;

/* Returns owned an empty tail, NULL without memory. */
struct tail *tail_new(void);

/* One more holds it; returns it. NULL is fine. */
struct tail *tail_share(struct tail *tail);

/* One less does; the last one frees it. NULL is fine. */
void tail_release(struct tail *tail);

/* Puts bytes; what went before the last TAIL_SIZE is forgotten. NULL is fine. */
void tail_add(struct tail *tail, const char *bytes, size_t len);

/* How many bytes were ever put. NULL is fine. */
uint64_t tail_total(const struct tail *tail);

/* How many bytes it has. NULL is fine. */
size_t tail_length(const struct tail *tail);

/* Copies the last [len] bytes, of which it has as many, to [out]. */
void tail_copy(const struct tail *tail, size_t len, char *out);
