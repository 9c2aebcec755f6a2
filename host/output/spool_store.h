/* SPDX-License-Identifier: Apache-2.0 */
/* Spool store: what spool.c, the loop's side, and spool_thread.c share. `lock` guards all
 * that both use; the logfile belongs to the thread, but while the spool is made. */
#pragma once
#include <pthread.h>
#include <stdint.h>

#include "output/spool.h"
#include "output/squeezer.h"

enum { SPOOL_ROOM = 1 << 20 }; /* queued bytes from which givers wait */

/* Somebody who waits until it is open; the loop's. */
struct spool_opener {
  struct spool_opener *next;
  spool_opened call;
  void *data;
};

struct spool {
  struct spools *spools;
  struct spool *next;    /* of all; the loop's */
  struct spool *waiting; /* for the thread */
  struct logfile *file;  /* one of the two, once it is open */
  struct syslogger *logger;
  char *path;
  struct logfile_options options; /* until it is open */
  struct logfile_options limits;  /* to be, when `limit` is set */
  bool limit;
  bool opening;
  int open_error;
  struct spool_opener *openers;
  unsigned users;
  struct chunk *first, *last;
  size_t queued; /* bytes, with what is being written */
  bool ready;    /* in the thread's line */
  bool busy;     /* in the thread's hands */
  bool reopen, closed;
  bool wanted; /* somebody waits for room */
  bool stalled;
  int error;           /* of the last write, or of the stall */
  int reason;          /* the last error that there was */
  unsigned long lost;  /* lines, since the last report that all is well */
  unsigned long steps; /* chunks written or lost, ever */
  uint64_t retry_at, retry_ms, well_since;
  bool told; /* the loop has reported an error; the loop's */
  unsigned long seen_steps;
  uint64_t seen_at;             /* ms; the last step, or when the waiting began */
  struct spool_waiter *waiters; /* the loop's */
  struct spool_feed *feed;
};

struct spools {
  uv_async_t news;
  uv_timer_t stall;
  int open_handles;
  spool_report report;
  void *data;
  struct spool *all;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t work, idle, fetched;
  bool started, sleeping, resting, closing;
  bool hung;                   /* the thread was left behind, with all of this */
  struct spool *first, **last; /* the thread's line */
  struct chunk *spare;
  unsigned spare_count;
  struct chunk *bulk;        /* what feeds fill; the thread's */
  struct squeezer *squeezer; /* NULL until there is something to compress */
};

/* Looks for spools that stand still, while somebody depends on it. Thread: loop, without the lock. */
void spools_watch(struct spools *spools);

/* Takes back a feed that is done. Thread: loop, without the lock. */
void spool_end_feed(struct spool *spool);

/* Writes what the feed has now. Thread: the spool's; with the lock. */
void spool_fetch(struct spool *spool);

/* Writes a chunk, which stays the caller's. Thread: the spool's; with the lock. */
void spool_write(struct spool *spool, struct chunk *chunk);

/* The four below are called with the lock. */

/* Has the thread look at it. */
void spool_line_up(struct spool *spool);

/* Takes the first chunk of the queue, owned; NULL when there is none. */
struct chunk *spool_first(struct spool *spool);

/* Keeps an owned chunk for the next read, or frees it. */
void spool_recycle(struct spools *spools, struct chunk *chunk);

/* Has half of the queue been written, or is nobody to wait any more? */
bool spool_has_room(const struct spool *spool);

/* Tells those who wait whether it is open. Thread: loop, without the lock. */
void spool_tell_openers(struct spool *spool);

/* The thread, with the spools as [arg]. */
void *spool_run(void *arg);
