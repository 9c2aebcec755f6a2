/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk: see chunk.h. */
#include "output/chunk.h"

#include <stdlib.h>
#include <string.h>

struct chunk *chunk_new(size_t room) {
  struct chunk *chunk = malloc(sizeof *chunk + room);
  if (!chunk) return NULL;
  chunk->next = NULL;
  chunk->len = 0;
  chunk->room = room;
  chunk->hole = false;
  return chunk;
}

struct chunk *chunk_copy(const char *bytes, size_t len) {
  struct chunk *chunk = chunk_new(len);
  if (chunk) chunk_add(chunk, bytes, len);
  return chunk;
}

bool chunk_reserve(struct chunk **chunk, size_t len) {
  struct chunk *old = *chunk;
  size_t used = old ? old->len : 0;
  if (old && old->room - used >= len) return true;
  size_t room = (used + len) * 2;
  struct chunk *grown = realloc(old, sizeof *grown + room);
  if (!grown) return false;
  grown->next = NULL;
  grown->len = used;
  grown->room = room;
  grown->hole = false;
  *chunk = grown;
  return true;
}

void chunk_add(struct chunk *chunk, const char *bytes, size_t len) {
  if (len) memcpy(chunk->bytes + chunk->len, bytes, len);
  chunk->len += len;
}

unsigned long chunk_lines(const char *bytes, size_t len) {
  unsigned long count = 0;
  for (const char *end = bytes + len;
       (bytes = memchr(bytes, '\n', (size_t)(end - bytes)));)
    bytes++, count++;
  return count;
}
