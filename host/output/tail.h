/* SPDX-License-Identifier: Apache-2.0 */
/* Tail: the last 64 KiB of a stream. Takes no more memory than was put into it.
 * Shared by counting who holds it. Thread: loop, but what puts into it and what looks, any. */
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

/* Copies to [out], which has room for TAIL_SIZE, the last bytes that it has: [wanted] at the
 * most, and none that were put before the first [since]. Returns how many; [total] is how many
 * were ever put. NULL is fine. */
size_t tail_copy(struct tail *tail, uint64_t since, size_t wanted, char *out,
                 uint64_t *total);
