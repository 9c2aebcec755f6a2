/* SPDX-License-Identifier: Apache-2.0 */
/* Codec: Lua values as bytes (a subset of msgpack), and deep copies by the same rules.
 *
 * What can be sent: nil, booleans, integers, floats, strings, tables of these without a
 * metatable, and objects of the classes that were defined (unit handles, exits). Integers
 * and floats arrive exactly as they were, strings byte for byte. A table that is reached
 * twice arrives as two; one that contains itself is too deep. A message is a row of
 * values; in Lua it is a table with their number as `n`.
 * Owns nothing but the growth of a buffer. Thread: the state's own. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

enum { CODEC_DEPTH = 100, CODEC_TEXT = 200 };

/* Bytes a message may have if nobody says otherwise. */
#define CODEC_MAX ((size_t)16 << 20)

/* A growing buffer; all zeros is an empty one without a limit of its own. */
struct codec_buffer {
  unsigned char *bytes;
  size_t length;
  size_t capacity;
  size_t max; /* bytes it may hold, 0 for CODEC_MAX */
};

/* Why it did not work, in words. */
struct codec_problem {
  char text[CODEC_TEXT];
};

void codec_buffer_free(struct codec_buffer *buffer);

/* The same for one that has grown so large that it is not worth keeping. */
void codec_buffer_trim(struct codec_buffer *buffer);

/* Defines a class of objects by the metatable on top of L, which it pops: [number], 1 to
 * 127, stands for it in the bytes. [pack] and [unpack] are registry references of
 * functions, object -> plain value and back; unpack returns nil for a value that it does
 * not take. An object of a [shared] class never changes: a copy of it is itself. */
void codec_define(lua_State *L, int number, int pack, int unpack, int shared);

/* Appends the [count] values from stack index [first] on. Returns 0, UV_EINVAL for a value
 * that cannot be sent, UV_ELOOP, UV_E2BIG or UV_ENOMEM; then the buffer is as it was. May
 * raise out of memory: the buffer must not hang on the C stack alone. */
int codec_write(lua_State *L, int first, int count, struct codec_buffer *buffer,
                struct codec_problem *problem);

/* Pushes the message that the bytes are; 0 or UV_EPROTO for bytes that codec_write cannot
 * have written, and then nothing is pushed. May raise out of memory. */
int codec_read(lua_State *L, const void *bytes, size_t length,
               struct codec_problem *problem);

/* What is left of bytes that are read one by one. */
struct codec_input {
  const unsigned char *at, *end;
};

struct codec_text {
  const char *bytes; /* borrowed from the input */
  size_t length;
};

/* Takes a string, or an integer; false with nothing taken where
 * something else comes. */
bool codec_take_text(struct codec_input *in, struct codec_text *text);
bool codec_take_integer(struct codec_input *in, lua_Integer *value);

/* Pushes the values that are left, without a message around them: their number, or
 * UV_EPROTO with nothing pushed. As codec_read. */
int codec_read_values(lua_State *L, const struct codec_input *in,
                      struct codec_problem *problem);

/* Pushes a message of copies of the [count] values from [first] on, with room for so many
 * fields of the caller's; [max] bytes bound it about as they would bound its encoding, 0 for
 * CODEC_MAX. Returns as codec_write, and then nothing is pushed. May raise out of memory. */
int codec_copy(lua_State *L, int first, int count, int fields, size_t max,
               struct codec_problem *problem);

/* Puts copies in place of the values: the same without a message around them. */
int codec_copy_values(lua_State *L, int first, int count, struct codec_problem *problem);
