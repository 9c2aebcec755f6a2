/* SPDX-License-Identifier: Apache-2.0 */
/* Logfile: a file that is appended to, rotated by size and age, and found again when it was
 * moved.
 *
 * FILE is renamed to FILE.1 when it would grow past max_size, FILE.1 to FILE.2, and so on
 * up to `keep` of them: no more than (keep + 1) * max_size bytes in all. It is cut where a
 * line ends, a little early if need be; only a line longer than that margin is cut in two.
 * One that is older than max_age is rotated before the next line. What is rotated may be
 * compressed, by a squeezer.
 * While it is written it is looked at once a second: moved or deleted by somebody else, it
 * is made anew. What could not be written is lost, and with it the rest of the line it
 * belonged to, so that no part of a line is taken for a whole one.
 * Blocks as the disk does. Owns the descriptor. Thread: one at a time. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct logfile;
struct squeezer;

struct logfile_options {
  const char *path;  /* copied */
  uint64_t max_size; /* 0: it is never rotated */
  unsigned keep;
  uint64_t max_age;          /* ms; 0: any */
  struct squeezer *squeezer; /* borrowed; NULL: nothing is compressed */
};

/* Returns owned in [out] a logfile that is open, or a negative libuv code. */
int logfile_open(const struct logfile_options *options, struct logfile **out);

/* Appends [len] bytes. On failure returns a negative libuv code; the rest of the bytes is
 * lost then. [lost] is how many lines that are lost end in them, also without a failure: one
 * that lost its beginning before. [now] is in milliseconds of the monotonic clock. */
int logfile_write(struct logfile *file, const char *bytes, size_t len, uint64_t now,
                  unsigned long *lost);

/* Notes that [bytes] are not going to be written. */
void logfile_lose(struct logfile *file, const char *bytes, size_t len);

/* Opens the path again, for whoever has moved the file: at once if it ends with a line,
 * else when that line has ended. */
int logfile_reopen(struct logfile *file);

/* Other limits from the next line on; the path stays what it is. */
void logfile_limit(struct logfile *file, const struct logfile_options *options);

/* NULL is fine. */
void logfile_close(struct logfile *file);

/* Opens [path] for appending and returns an owned fd or a negative libuv code. It is
 * made if missing; a symbolic link (UV_ELOOP), or anything but a regular file or a
 * character device (UV_EINVAL), is refused. Thread: any. */
int logfile_open_path(const char *path);
