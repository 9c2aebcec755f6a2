/* SPDX-License-Identifier: Apache-2.0 */
/* Census: see census.h. Three lists: `later` waits for the timer, `waiting` for the next
 * walk, `asked` (sorted by session) is what the present walk answers. Thread: loop. */
#include "process/census.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/mark.h"

enum { SLICE_NS = 1000000, LATER_MS = 100, NAMES = 2048 };
enum { MS = 1000000, REST = 16, LONGEST_REST_MS = 10 };

struct census_list {
  struct census_query **at;
  size_t count, room;
};

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
  struct census_list later, waiting, asked;
  ssize_t at, end; /* in the names that were read last */
  _Alignas(struct dirent64) char names[NAMES];
};

static int list_add(struct census_list *list, struct census_query *query) {
  if (list->count == list->room) {
    size_t room = list->room ? list->room * 2 : 16;
    struct census_query **at = realloc(list->at, room * sizeof *at);
    if (!at) return UV_ENOMEM;
    list->at = at;
    list->room = room;
  }
  query->place = list->count;
  list->at[list->count++] = query;
  return 0;
}

/* Those that are asked stay sorted. */
static void list_remove(struct census_list *list, const struct census_query *query,
                        bool sorted) {
  list->count--;
  for (size_t i = query->place; i < list->count; i++) {
    list->at[i] = list->at[sorted ? i + 1 : list->count];
    list->at[i]->place = i;
    if (!sorted) break;
  }
}

static int by_session(const void *a, const void *b) {
  pid_t left = (*(struct census_query *const *)a)->sid;
  pid_t right = (*(struct census_query *const *)b)->sid;
  return (left > right) - (left < right);
}

/* The first of a session, or where it would be. */
static size_t list_find(const struct census_list *list, pid_t sid) {
  size_t low = 0, high = list->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (list->at[middle]->sid < sid)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
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
  for (size_t i = 0; !error && i < census->asked.count; i++) {
    struct census_query *query = census->asked.at[i];
    if (query->mark && strcmp(query->mark, mark) == 0) query->found(query, pid);
  }
}

static void tell_found(struct census *census, pid_t pid) {
  struct census_list *asked = &census->asked;
  pid_t sid = getsid(pid);
  size_t first = sid > 0 ? list_find(asked, sid) : asked->count, i = first;
  for (; i < asked->count && asked->at[i]->sid == sid; i++)
    asked->at[i]->found(asked->at[i], pid);
  if (i == first && census->deep && is_suspect(census, sid)) tell_marked(census, pid);
}

/* Answers are given one by one from the list's end: an answer may ask again or forget
 * others. */
static void walk_end(struct census *census, int error) {
  census->walking = false;
  while (census->asked.count > 0) {
    struct census_query *query = census->asked.at[--census->asked.count];
    query->census = NULL;
    query->done(query, !error && census->blind && query->mark ? UV_EAGAIN : error);
  }
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

static bool is_deep(struct census *census, const struct census_list *list) {
  bool orphans = false, asked = false;
  for (size_t i = 0; i < list->count; i++)
    if (needs_marks(census, list->at[i], &orphans, &asked)) return true;
  return false;
}

/* Nobody of them can be alive: they would descend from orphans, and there are none, or the
 * walk would be a deep one. */
static bool is_needless(const struct census *census) {
  if (census->deep || !kin_inherits()) return false;
  for (size_t i = 0; i < census->asked.count; i++) {
    const struct census_query *query = census->asked.at[i];
    if (!query->headless || !query->mark || query->far) return false;
  }
  return true;
}

static void walk_begin(struct census *census) {
  struct census_list empty = census->asked;
  census->asked = census->waiting;
  census->waiting = empty;
  qsort(census->asked.at, census->asked.count, sizeof *census->asked.at, by_session);
  for (size_t i = 0; i < census->asked.count; i++) {
    struct census_query *query = census->asked.at[i];
    query->begun = true;
    query->list = &census->asked;
    query->place = i;
  }
  census->walking = true;
  census->blind = false;
  census->deep = is_deep(census, &census->asked);
  census->needless = is_needless(census);
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
static int begin_soon(struct census *census) {
  uint64_t now = uv_hrtime();
  uint64_t ms = census->rested > now ? (census->rested - now) / MS : 0;
  if (ms == 0 || census->walking) return uv_idle_start(&census->turn, on_turn);
  if (uv_is_active((uv_handle_t *)&census->rest)) return 0;
  if (ms > LONGEST_REST_MS) ms = LONGEST_REST_MS;
  return uv_timer_start(&census->rest, on_rested, ms, 0);
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
  if (census->waiting.count > 0) begin_soon(census);
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

static int enlist(struct census *census, struct census_list *list,
                  struct census_query *query) {
  census_forget(query);
  int error = list_add(list, query);
  if (error) return error;
  query->census = census;
  query->list = list;
  query->begun = false;
  return 0;
}

int census_ask(struct census *census, struct census_query *query) {
  if (query->census && query->list == &census->waiting) return 0;
  int error = enlist(census, &census->waiting, query);
  return error ? error : begin_soon(census);
}

static void on_soon(uv_timer_t *soon) {
  struct census *census = soon->data;
  while (census->later.count > 0)
    census_ask(census, census->later.at[census->later.count - 1]);
}

int census_ask_later(struct census *census, struct census_query *query) {
  if (query->census) return 0;
  int error = enlist(census, &census->later, query);
  if (error || uv_is_active((uv_handle_t *)&census->soon)) return error;
  return uv_timer_start(&census->soon, on_soon, LATER_MS, 0);
}

void census_forget(struct census_query *query) {
  struct census *census = query->census;
  if (!census) return;
  query->census = NULL;
  list_remove(query->list, query, query->list == &census->asked);
}

static void on_closed(uv_handle_t *handle) {
  struct census *census = handle->data;
  if (--census->open_handles > 0) return;
  if (census->proc >= 0) close(census->proc);
  free(census->later.at);
  free(census->waiting.at);
  free(census->asked.at);
  free(census);
}

static void forget_all(struct census_list *list) {
  while (list->count > 0) list->at[--list->count]->census = NULL;
}

void census_free(struct census *census) {
  if (!census) return;
  forget_all(&census->later);
  forget_all(&census->waiting);
  forget_all(&census->asked);
  uv_close((uv_handle_t *)&census->turn, on_closed);
  uv_close((uv_handle_t *)&census->soon, on_closed);
  uv_close((uv_handle_t *)&census->rest, on_closed);
}
