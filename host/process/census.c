/* SPDX-License-Identifier: Apache-2.0 */
/* Census: see census.h. Questions are linked, so that none can fail for want of memory:
 * those in `later` wait for the timer, those in `waiting` for the next walk, and the
 * present walk answers those in `asked`, a hash of chains by session. Thread: loop. */
#include "process/census.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/mark.h"

enum { SLICE_NS = 1000000, LATER_MS = 100, NAMES = 2048, BUCKETS = 256 };
enum { MS = 1000000, REST = 16, LONGEST_REST_MS = 10 };

struct census {
  uv_idle_t turn;  /* active while there is a question */
  uv_timer_t soon; /* active while a question waits for later */
  uv_timer_t rest; /* active while a question waits because much was looked at just now */
  uint64_t rested; /* until when that is */
  int open_handles;
  int proc; /* or a negative libuv code */
  uint64_t slice;
  struct kin_owner owner;
  pid_t session; /* the host's */
  bool walking;
  bool needless; /* there is nobody whom this walk could find */
  bool deep;     /* this walk reads marks */
  bool blind;    /* and could not read one */
  struct census_query *later, *waiting, *asked[BUCKETS];
  ssize_t at, end; /* in the names that were read last */
  _Alignas(struct dirent64) char names[NAMES];
};

static void enlist(struct census *census, struct census_query **list,
                   struct census_query *query) {
  query->census = census;
  query->next = *list;
  query->link = list;
  if (*list) (*list)->link = &query->next;
  *list = query;
}

static void delist(struct census_query *query) {
  query->census = NULL;
  *query->link = query->next;
  if (query->next) query->next->link = query->link;
}

static struct census_query **bucket_of(struct census *census, pid_t sid) {
  return &census->asked[(unsigned)sid % BUCKETS];
}

/* May a process of that session have left the one of its program? */
static bool is_suspect(const struct census *census, pid_t sid) {
  if (sid <= 0 || sid == census->session) return false;
  return !census->owner.owns || !census->owner.owns(census->owner.data, sid);
}

static bool is_passing(int error) {
  return error == UV_EMFILE || error == UV_ENFILE || error == UV_ENOMEM ||
         error == UV_EAGAIN;
}

static void tell_marked(struct census *census, pid_t pid) {
  char mark[MARK_SIZE];
  int error = mark_read(pid, mark);
  if (is_passing(error)) census->blind = true;
  for (size_t i = 0; !error && i < BUCKETS; i++)
    for (struct census_query *query = census->asked[i]; query; query = query->next)
      if (query->mark && strcmp(query->mark, mark) == 0) query->found(query, pid);
}

static void tell_found(struct census *census, pid_t pid) {
  pid_t sid = getsid(pid);
  bool told = false;
  struct census_query *query = sid > 0 ? *bucket_of(census, sid) : NULL;
  for (; query; query = query->next)
    if (query->sid == sid) {
      query->found(query, pid);
      told = true;
    }
  if (!told && census->deep && is_suspect(census, sid)) tell_marked(census, pid);
}

static void answer(struct census *census, struct census_query *query, int error) {
  delist(query);
  query->done(query, !error && census->blind && query->mark ? UV_EAGAIN : error);
}

/* One by one: an answer may ask again or forget others. */
static void walk_end(struct census *census, int error) {
  census->walking = false;
  for (size_t i = 0; i < BUCKETS; i++)
    while (census->asked[i]) answer(census, census->asked[i], error);
}

/* The kernel keeps those who die waiting for each child that it names. With many, a look
 * at all of them is followed by a rest, which those who die meanwhile share. */
static bool has_orphans(struct census *census) {
  uint64_t began = uv_hrtime();
  bool found = kin_has_orphans(&census->owner);
  uint64_t now = uv_hrtime();
  census->rested = now + (now - began) * REST;
  return found;
}

/* Does anybody have to be looked for outside of its session? */
static bool needs_marks(struct census *census, const struct census_query *query,
                        bool *orphans, bool *asked) {
  if (!query->mark || query->far) return query->mark != NULL;
  if (!*asked) *orphans = has_orphans(census);
  *asked = true;
  return *orphans;
}

static bool is_deep(struct census *census) {
  bool orphans = false, asked = false;
  const struct census_query *query = census->waiting;
  while (query && !needs_marks(census, query, &orphans, &asked)) query = query->next;
  return query != NULL;
}

/* Nobody of them can be alive: they would descend from orphans, and there are none, or the
 * walk would be a deep one. */
static bool is_needless(const struct census *census) {
  if (census->deep || !kin_inherits()) return false;
  const struct census_query *query = census->waiting;
  while (query && query->headless && query->mark && !query->far) query = query->next;
  return !query;
}

static void begin_waiting(struct census *census) {
  struct census_query *query;
  while ((query = census->waiting) != NULL) {
    delist(query);
    enlist(census, bucket_of(census, query->sid), query);
    query->begun = true;
  }
}

static void walk_begin(struct census *census) {
  census->walking = true;
  census->blind = false;
  census->deep = is_deep(census);
  census->needless = is_needless(census);
  begin_waiting(census);
  census->session = getsid(0);
  census->at = census->end = 0;
  if (census->proc >= 0) lseek(census->proc, 0, SEEK_SET);
}

/* The next process, or 0 when there is none any more. */
static pid_t next_pid(struct census *census) {
  for (;;) {
    if (census->at >= census->end) {
      census->at = 0;
      census->end = getdents64(census->proc, census->names, sizeof census->names);
      if (census->end <= 0) return 0;
    }
    struct dirent64 *entry = (struct dirent64 *)(census->names + census->at);
    census->at += entry->d_reclen;
    char *rest;
    long pid = strtol(entry->d_name, &rest, 10);
    if (!*rest && pid > 0) return (pid_t)pid;
  }
}

/* Walks on for one slice; returns false when the walk is over. */
static bool walk_on(struct census *census) {
  uint64_t since = uv_hrtime();
  do {
    pid_t pid = next_pid(census);
    if (!pid) return false;
    tell_found(census, pid);
  } while (uv_hrtime() - since < census->slice);
  return true;
}

static void on_turn(uv_idle_t *turn);

static void on_rested(uv_timer_t *rest) {
  struct census *census = rest->data;
  uv_idle_start(&census->turn, on_turn);
}

/* Has a walk begin in the next turn of the loop, or when the rest is over. */
static void begin_soon(struct census *census) {
  uint64_t now = uv_hrtime();
  uint64_t ms = census->rested > now ? (census->rested - now) / MS : 0;
  if (ms > LONGEST_REST_MS) ms = LONGEST_REST_MS;
  if (ms == 0 || census->walking)
    uv_idle_start(&census->turn, on_turn);
  else if (!uv_is_active((uv_handle_t *)&census->rest))
    uv_timer_start(&census->rest, on_rested, ms, 0);
}

static void on_turn(uv_idle_t *turn) {
  struct census *census = turn->data;
  if (!census->walking) walk_begin(census);
  if (census->proc < 0)
    walk_end(census, census->proc);
  else if (census->needless || !walk_on(census))
    walk_end(census, 0);
  if (census->walking) return;
  uv_idle_stop(&census->turn);
  if (census->waiting) begin_soon(census);
}

struct census *census_new(uv_loop_t *loop, const struct kin_owner *owner) {
  struct census *census = calloc(1, sizeof *census);
  if (!census) return NULL;
  census->owner = *owner;
  census->slice = SLICE_NS;
  uv_idle_init(loop, &census->turn);
  uv_timer_init(loop, &census->soon);
  uv_timer_init(loop, &census->rest);
  census->turn.data = census->soon.data = census->rest.data = census;
  census->open_handles = 3;
  census->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (census->proc < 0) census->proc = -errno;
  return census;
}

void census_set_slice(struct census *census, uint64_t ns) {
  census->slice = ns;
}

void census_ask(struct census *census, struct census_query *query) {
  census_forget(query);
  query->begun = false;
  enlist(census, &census->waiting, query);
  begin_soon(census);
}

static void on_soon(uv_timer_t *soon) {
  struct census *census = soon->data;
  while (census->later) census_ask(census, census->later);
}

void census_ask_later(struct census *census, struct census_query *query) {
  if (query->census) return;
  query->begun = false;
  enlist(census, &census->later, query);
  if (!uv_is_active((uv_handle_t *)&census->soon))
    uv_timer_start(&census->soon, on_soon, LATER_MS, 0);
}

void census_forget(struct census_query *query) {
  if (query->census) delist(query);
}

static void on_closed(uv_handle_t *handle) {
  struct census *census = handle->data;
  if (--census->open_handles > 0) return;
  if (census->proc >= 0) close(census->proc);
  free(census);
}

static void forget_all(struct census_query **list) {
  while (*list) delist(*list);
}

void census_free(struct census *census) {
  if (!census) return;
  forget_all(&census->later);
  forget_all(&census->waiting);
  for (size_t i = 0; i < BUCKETS; i++) forget_all(&census->asked[i]);
  uv_close((uv_handle_t *)&census->turn, on_closed);
  uv_close((uv_handle_t *)&census->soon, on_closed);
  uv_close((uv_handle_t *)&census->rest, on_closed);
}
