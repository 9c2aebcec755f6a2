/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionary. The text is cut into as many stretches as the dictionary has pieces, and each stretch gives that piece
 * of it which says most of what other modules say too and no piece before it has said. "What is said" are the strings
 * of eight bytes. That is the algorithm COVER, of zstd's dictionary builder, without its search for the best sizes. */
#include "dictionary.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 128, PIECES = DICTIONARY / PIECE, WORD = 8, SLOTS = 1 << 20 };

struct word {
  uint32_t modules; /* that have it, but for the first */
  uint32_t last;    /* of them, from 1 */
  uint16_t here;    /* how often it is in the piece that is being looked at */
};

struct piece {
  size_t start;
  uint64_t worth;
};

static struct word words[SLOTS]; /* two that share a slot count as one */

static struct word *word_at(const unsigned char *text) {
  uint64_t bytes;
  memcpy(&bytes, text, WORD);
  return &words[bytes * 0x9E3779B97F4A7C15u >> 44];
}

static void count_words(const unsigned char *text, const size_t *ends, size_t count) {
  size_t start = 0;
  for (uint32_t module = 1; module <= count; start = ends[module++ - 1]) {
    for (size_t at = start; at + WORD <= ends[module - 1]; at++) {
      struct word *word = word_at(text + at);
      if (word->last != 0 && word->last != module) word->modules++;
      word->last = module;
    }
  }
}

static uint64_t come(const unsigned char *text) {
  struct word *word = word_at(text);
  return word->here++ == 0 ? word->modules : 0;
}

static uint64_t leave(const unsigned char *text) {
  struct word *word = word_at(text);
  return --word->here == 0 ? word->modules : 0;
}

/* The best piece of text[start, stop), with a window that is moved through it. */
static struct piece best_piece(const unsigned char *text, size_t start, size_t stop) {
  struct piece best = {start, 0};
  uint64_t worth = 0;
  size_t first = start, next = start;
  for (; next + WORD <= stop; next++) {
    if (next + WORD - first > PIECE) worth -= leave(text + first++);
    worth += come(text + next);
    if (next + WORD - first == PIECE && worth > best.worth)
      best = (struct piece){first, worth};
  }
  while (first < next) (void)leave(text + first++);
  for (size_t at = best.start; best.worth > 0 && at + WORD <= best.start + PIECE; at++)
    word_at(text + at)->modules = 0; /* it is said */
  return best;
}

static int by_worth(const void *a, const void *b) {
  const struct piece *one = a, *other = b;
  return one->worth < other->worth ? -1 : one->worth > other->worth;
}

/* What is worth most comes last: it is cheapest to point at from there. */
size_t dictionary_choose(const unsigned char *text, const size_t *ends, size_t count,
                         unsigned char *dictionary) {
  struct piece pieces[PIECES];
  size_t size = 0, stretch = ends[count - 1] / PIECES;
  count_words(text, ends, count);
  for (size_t i = 0; i < PIECES; i++)
    pieces[i] = best_piece(text, i * stretch, (i + 1) * stretch);
  qsort(pieces, PIECES, sizeof pieces[0], by_worth);
  for (size_t i = 0; i < PIECES; i++) {
    if (pieces[i].worth == 0) continue;
    memcpy(dictionary + size, text + pieces[i].start, PIECE);
    size += PIECE;
  }
  return size;
}
