/* SPDX-License-Identifier: Apache-2.0 */
/* Lines: see lines.h. */
#include "output/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/stamp.h"

enum { KEPT = 4096 };

static const char split_mark[] = " [continued]";
static const char json_mark[] = ",\"continued\":true";

struct lines {
  char *before; /* the prefix; in JSON what stands between the time and the line */
  size_t before_len;
  bool timestamp, json;
  char stamp[STAMP_SIZE];
  lines_tap_fn *tap; /* NULL: nobody */
  void *tap_data;
  struct chunk *partial; /* the line that has not ended; NULL before there was one */
};

/* `,"unit":"web","stream":"stdout","line":"` */
static char *json_before(const struct lines_style *style) {
  static const char unit[] = ",\"unit\":\"", stream[] = "\",\"stream\":\"",
                    line[] = "\",\"line\":\"";
  size_t unit_len = strlen(style->unit), stream_len = strlen(style->stream);
  size_t room = sizeof unit + sizeof stream + sizeof line;
  char *text = malloc(room + (unit_len + stream_len) * JSON_GROWTH);
  if (!text) return NULL;
  char *at = mempcpy(text, unit, sizeof unit - 1);
  at += json_escape(style->unit, unit_len, at);
  at = mempcpy(at, stream, sizeof stream - 1);
  at += json_escape(style->stream, stream_len, at);
  memcpy(at, line, sizeof line);
  return text;
}

struct lines *lines_new(const struct lines_style *style) {
  struct lines *lines = calloc(1, sizeof *lines);
  if (!lines) return NULL;
  lines->json = style->unit != NULL;
  lines->timestamp = style->timestamp || lines->json;
  lines->before =
      lines->json ? json_before(style) : strdup(style->prefix ? style->prefix : "");
  if (!lines->before) {
    free(lines);
    return NULL;
  }
  lines->before_len = strlen(lines->before);
  return lines;
}

void lines_free(struct lines *lines) {
  if (!lines) return;
  free(lines->before);
  free(lines->partial);
  free(lines);
}

void lines_tap(struct lines *lines, lines_tap_fn *tap, void *data) {
  lines->tap = tap;
  lines->tap_data = data;
}

static size_t partial_len(const struct lines *lines) {
  return lines->partial ? lines->partial->len : 0;
}

/* A long line's memory is given back. */
static void forget_partial(struct lines *lines) {
  if (!lines->partial) return;
  lines->partial->len = 0;
  if (lines->partial->room <= KEPT) return;
  free(lines->partial);
  lines->partial = NULL;
}

static void add_text(struct chunk *out, const char *text) {
  chunk_add(out, text, strlen(text));
}

static void add_plain(struct lines *lines, struct chunk *out, const char *bytes,
                      size_t len, bool split) {
  if (lines->timestamp) {
    chunk_add(out, lines->stamp, STAMP_SIZE - 1);
    chunk_add(out, " ", 1);
  }
  chunk_add(out, lines->before, lines->before_len);
  chunk_add(out, bytes, len);
  if (split) chunk_add(out, split_mark, sizeof split_mark - 1);
  chunk_add(out, "\n", 1);
}

static void add_json(struct lines *lines, struct chunk *out, const char *bytes,
                     size_t len, bool split) {
  add_text(out, "{\"time\":\"");
  chunk_add(out, lines->stamp, STAMP_SIZE - 1);
  chunk_add(out, "\"", 1);
  chunk_add(out, lines->before, lines->before_len);
  out->len += json_escape(bytes, len, out->bytes + out->len);
  chunk_add(out, "\"", 1);
  if (split) add_text(out, json_mark);
  add_text(out, "}\n");
}

static void add_whole(struct lines *lines, const char *bytes, size_t len, bool split,
                      struct chunk **out) {
  size_t text = len * (lines->json ? JSON_GROWTH : 1);
  size_t around = lines->before_len + STAMP_SIZE + 2 * sizeof json_mark + 16;
  if (!chunk_reserve(out, text + around)) return;
  (lines->json ? add_json : add_plain)(lines, *out, bytes, len, split);
  if (lines->tap) lines->tap(lines->tap_data, bytes, len);
}

/* Adds the started line and [bytes] as one line. They are put together first: a character
 * may lie across them. */
static void add_line(struct lines *lines, const char *bytes, size_t len, bool split,
                     struct chunk **out) {
  if (partial_len(lines) == 0) {
    add_whole(lines, bytes, len, split, out);
  } else if (chunk_reserve(&lines->partial, len)) {
    chunk_add(lines->partial, bytes, len);
    add_whole(lines, lines->partial->bytes, lines->partial->len, split, out);
  }
  forget_partial(lines);
}

static void add_partial(struct lines *lines, const char *bytes, size_t len,
                        struct chunk **out) {
  while (partial_len(lines) + len > LINES_MAX) {
    size_t part = LINES_MAX - partial_len(lines);
    add_line(lines, bytes, part, true, out);
    bytes += part;
    len -= part;
  }
  if (len > 0 && chunk_reserve(&lines->partial, len))
    chunk_add(lines->partial, bytes, len);
}

void lines_add(struct lines *lines, const char *bytes, size_t len, struct chunk **out) {
  const char *end;
  if (lines->timestamp) stamp_now(lines->stamp);
  while ((end = memchr(bytes, '\n', len)) != NULL) {
    size_t line = (size_t)(end - bytes), part = 0;
    if (partial_len(lines) + line > LINES_MAX) {
      add_partial(lines, bytes, line, out);
      part = line;
    }
    add_line(lines, bytes + part, line - part, false, out);
    len -= line + 1;
    bytes = end + 1;
  }
  add_partial(lines, bytes, len, out);
}

void lines_end(struct lines *lines, struct chunk **out) {
  if (partial_len(lines) > 0) add_line(lines, "", 0, false, out);
}
