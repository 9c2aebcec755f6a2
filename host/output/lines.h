/* SPDX-License-Identifier: Apache-2.0 */
/* Lines: a stream of bytes made into whole lines, each with a time and a prefix before it
 * or as a JSON object.
 *
 * A line of more than 64 KiB is split, each part but the last marked " [continued]", or
 * "continued":true; the last line needs no end. In JSON what is not UTF-8 becomes U+FFFD.
 * Owns the line that has not ended. Thread: loop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "output/chunk.h"

enum { LINES_MAX = 64 * 1024 };

struct lines;

/* How a line looks; all texts are copied and may be NULL. */
struct lines_style {
  const char *prefix;
  bool timestamp;            /* local time before the prefix */
  const char *unit, *stream; /* a JSON object with these, for `unit` not NULL */
};

/* Returns owned, NULL without memory. */
struct lines *lines_new(const struct lines_style *style);

/* Hears a line, or a part of one that is split, bare; borrowed for the call. */
typedef void lines_tap_fn(void *data, const char *line, size_t len);

/* Has [tap] hear each line from now on; NULL: nobody. It may not free the lines. */
void lines_tap(struct lines *lines, lines_tap_fn *tap, void *data);

/* Appends to the chunk at [out], which may be NULL, the lines that end in [bytes]. A line
 * that finds no memory is lost. */
void lines_add(struct lines *lines, const char *bytes, size_t len, struct chunk **out);

/* Appends the line that has not ended, if there is one. */
void lines_end(struct lines *lines, struct chunk **out);

/* NULL is fine. */
void lines_free(struct lines *lines);
