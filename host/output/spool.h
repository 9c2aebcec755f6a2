/* SPDX-License-Identifier: Apache-2.0 */
/* Spool: what is on its way into a logfile, or to the system's log. One thread writes for all spools of a loop, so
 * that a slow disk costs the loop nothing, and a path has one spool however many write to
 * it.
 *
 * WRITING  what is given is queued, and written in order
 * FULL     the queue has reached its bound: givers are asked to wait. Most often the disk
 *          is behind, and they go on when half is written.
 * STALLED  nothing at all was written for a second while somebody waited: givers go on, and
 *          what finds no room is dropped and counted, until half of the queue is written
 * FAILING  a write failed (the disk is full): everything is dropped and counted; tried again
 *          after a quarter of a second, and more seldom if that fails soon again
 * That STALLED or FAILING began, and that it is over, is reported once each, from the loop.
 *
 * Who gives so much that handing it over costs more than writing it may become a FEED: the
 * thread fetches its bytes itself, until there are few again.
 * Owns the logfiles and the thread. Thread: loop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "output/chunk.h"
#include "output/logfile.h"
#include "output/syslogger.h"

struct spools;
struct spool;

/* Told that lines to [path] are lost because of [error], or with error 0 that they are
 * written again; [lines] are lost so far. */
typedef void (*spool_report)(void *data, const char *path, int error,
                             unsigned long lines);

/* One that waits for room; belongs to the caller, and must be taken back before it goes. */
struct spool_waiter {
  struct spool_waiter *next, **link; /* link is NULL when it does not wait */
  void (*call)(void *data);
  void *data;
};

/* Returns owned the spools of a loop, NULL without memory. They keep no loop alive. */
struct spools *spools_new(uv_loop_t *loop, spool_report report, void *data);

/* Writes what is queued, at most [ms], and frees them when the loop has turned once more. A
 * write that hangs is left behind with its thread. NULL is fine. */
void spools_free(struct spools *spools, unsigned ms);

/* Has all files opened again; returns how many there are. */
unsigned spools_reopen(struct spools *spools);

/* Waits until all is written, at most [ms]; returns whether it is. */
bool spools_flush(struct spools *spools, unsigned ms);

/* Where a spool leads to: a file, or the system's log. */
struct spool_options {
  struct logfile_options file;
  bool gzip;                       /* what is rotated is compressed */
  struct syslogger_options syslog; /* path NULL for a file */
};

/* Returns in [out] the spool of a path, to be released once by each who opened it, or a
 * negative libuv code. Who is first decides the size and the number of its files. */
int spool_open(struct spools *spools, const struct spool_options *options,
               struct spool **out);

/* Gives the file of a path other limits, while it is written; returns whether there is one. */
bool spools_limit(struct spools *spools, const struct spool_options *options);

/* Told from the loop of a spool that was opened, NULL with a negative libuv code. */
typedef void (*spool_opened)(void *data, struct spool *spool, int error);

/* As spool_open(), but the thread does it: [call] comes later, with UV_ECANCELED when the
 * spools are freed first (but for a thread that hangs), unless this returns a negative
 * libuv code. spool_open() of a path for which that is under way is UV_EBUSY. */
int spool_open_later(struct spools *spools, const struct spool_options *options,
                     spool_opened call, void *data);

/* What is queued is written yet. NULL is fine. */
void spool_release(struct spool *spool);

/* Takes an owned chunk; when it can be neither queued nor written it is dropped. */
void spool_give(struct spool *spool, struct chunk *chunk);

/* Gives a copy; what finds no room is dropped, and counted, at once: for who cannot wait. */
void spool_put(struct spool *spool, const char *bytes, size_t len);

/* An empty chunk of CHUNK_SIZE, owned; NULL without memory. */
struct chunk *spool_chunk(struct spool *spool);

/* Should one wait before giving more? If so, [waiter] is called once, when one need not. */
bool spool_wait(struct spool *spool, struct spool_waiter *waiter);

/* Does not wait any more. */
void spool_forget(struct spool_waiter *waiter);

/* One whose bytes the thread fetches; belongs to the caller, and must be taken back before it goes. */
struct spool_feed {
  /* Puts bytes into the chunk, which may move, and returns how many it found; negative at the
   * end. May not block. Thread: the spool's. */
  ssize_t (*fetch)(void *data, struct chunk **chunk);
  void (*over)(void *data); /* it is the loop's again */
  void *data;
  struct spool *spool; /* the rest is the spool's; NULL when it does not feed */
  unsigned rest_us;
  bool fetching, done;
};

/* Has the thread fetch from now on, until `over` is called; returns false where it cannot. Of a spool there is one feed
 * at a time. */
bool spool_feed(struct spool *spool, struct spool_feed *feed);

/* Takes it back, and `over` is not called: what it gave is before what is given from now on. */
void spool_unfeed(struct spool_feed *feed);
