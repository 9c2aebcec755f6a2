/* SPDX-License-Identifier: Apache-2.0 */
/* Json: see json.h. */
#include "base/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 sequence at [at], 0 when there is none. */
static size_t sequence(const unsigned char *at, size_t left) {
  unsigned char low = 0x80, high = 0xbf;
  size_t len = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
  if (*at < 0xc2 || *at > 0xf4 || len > left) return 0;
  if (*at == 0xe0) low = 0xa0;  /* no longer than need be */
  if (*at == 0xed) high = 0x9f; /* no surrogates */
  if (*at == 0xf0) low = 0x90;
  if (*at == 0xf4) high = 0x8f; /* up to U+10FFFF */
  if (at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < len; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  return len;
}

static size_t escape_ascii(unsigned char byte, char *out) {
  static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
  const char *known = memchr(from, byte, sizeof from - 1);
  if (!known) return (size_t)snprintf(out, JSON_GROWTH + 1, "\\u%04x", byte);
  out[0] = '\\';
  out[1] = to[known - from];
  return 2;
}

static bool is_plain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

size_t json_escape(const char *bytes, size_t len, char *out) {
  const unsigned char *at = (const unsigned char *)bytes, *end = at + len;
  char *start = out, escaped[JSON_GROWTH + 1];
  while (at < end) {
    size_t used = 1;
    if (is_plain(*at)) {
      *out++ = (char)*at;
    } else if (*at < 0x80) {
      size_t count = escape_ascii(*at, escaped);
      memcpy(out, escaped, count);
      out += count;
    } else if ((used = sequence(at, (size_t)(end - at))) > 0) {
      memcpy(out, at, used);
      out += used;
    } else {
      memcpy(out, "\xef\xbf\xbd", 3);
      out += 3;
      used = 1;
    }
    at += used;
  }
  return (size_t)(out - start);
}
