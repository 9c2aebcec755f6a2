/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk: a piece of output that is handed on rather than copied.
 * Belongs to whoever holds it. Thread: the holder's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { CHUNK_SIZE = 128 * 1024 };

struct chunk {
  struct chunk *next; /* for the holder's lists */
  size_t len, room;
  bool hole; /* stands for bytes that were dropped, and ends as they did */
  char bytes[];
};

/* Returns owned an empty chunk, NULL without memory. */
struct chunk *chunk_new(size_t room);

/* Returns owned a copy of [bytes], NULL without memory. */
struct chunk *chunk_copy(const char *bytes, size_t len);

/* Makes room for [len] more bytes in the chunk at [chunk], which may move or, when NULL,
 * begin; false without memory. */
bool chunk_reserve(struct chunk **chunk, size_t len);

/* Appends what chunk_reserve() has made room for. */
void chunk_add(struct chunk *chunk, const char *bytes, size_t len);

/* How many lines end in it. */
unsigned long chunk_lines(const char *bytes, size_t len);
