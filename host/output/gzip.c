/* SPDX-License-Identifier: Apache-2.0 */
/* Gzip: see gzip.h. */
#include "output/gzip.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>
#include <zlib.h>

enum { PIECE = 64 * 1024, GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };

struct buffers {
  unsigned char in[PIECE], out[PIECE];
};

static int write_all(int fd, const unsigned char *bytes, size_t len) {
  while (len > 0) {
    ssize_t written = write(fd, bytes, len);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    bytes += written;
    len -= (size_t)written;
  }
  return 0;
}

static int read_piece(int fd, z_stream *stream, unsigned char *in) {
  ssize_t got;
  do got = read(fd, in, PIECE);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  stream->next_in = in;
  stream->avail_in = (unsigned)got;
  return 0;
}

/* Writes what comes of the piece that was read; an empty one is the end. */
static int deflate_piece(int fd, z_stream *stream, unsigned char *out, bool is_last) {
  int error = 0;
  do {
    stream->next_out = out;
    stream->avail_out = PIECE;
    deflate(stream, is_last ? Z_FINISH : Z_NO_FLUSH);
    error = write_all(fd, out, PIECE - stream->avail_out);
  } while (!error && stream->avail_out == 0);
  return error;
}

static int copy(int from, int to, z_stream *stream, struct buffers *buffers,
                const atomic_bool *stop) {
  bool is_last = false;
  int error = 0;
  while (!error && !is_last) {
    if (*stop) return -ECANCELED;
    error = read_piece(from, stream, buffers->in);
    is_last = stream->avail_in == 0;
    if (!error) error = deflate_piece(to, stream, buffers->out, is_last);
  }
  return error;
}

int gzip_copy(int from, int to, const atomic_bool *stop) {
  struct buffers buffers;
  z_stream stream = {.zalloc = Z_NULL};
  int level = Z_DEFAULT_COMPRESSION;
  if (deflateInit2(&stream, level, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return -ENOMEM;
  int error = copy(from, to, &stream, &buffers, stop);
  deflateEnd(&stream);
  return error;
}
