/* SPDX-License-Identifier: Apache-2.0 */
/* Census: see census.h. Three lists: `later` waits for the timer, `waiting` for the next
 * walk, `asked` (sorted by session) is what the present walk answers. Thread: loop. */
#include "process/census.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/mark.h"

enum { SLICE_NS = 1000000, CLOCK_EVERY = 64, LATER_MS = 100 };

struct query_list {
  struct census_query **at;
  size_t count, room;
};

struct census {
  uv_idle_t turn;  /* active while there is a question */
  uv_timer_t soon; /* active while a question waits for later */
  int open_handles;
  DIR *proc;
  int proc_error;
  struct kin_owner owner;
  pid_t session; /* the host's */
  bool walking;
  bool needless; /* there is nobody whom this walk could find */
  bool deep;     /* this walk reads marks */
  bool blind;    /* and could not read one */
  struct query_list later, waiting, asked;
};

static int list_add(struct query_list *list, struct census_query *query) {
  if (list->count == list->room) {
    size_t room = list->room ? list->room * 2 : 16;
    struct census_query **at = realloc(list->at, room * sizeof *at);
    if (!at) return UV_ENOMEM;
    list->at = at;
    list->room = room;
  }
  list->at[list->count++] = query;
  return 0;
}

static bool list_remove(struct query_list *list, struct census_query *query) {
  for (size_t i = 0; i < list->count; i++) {
    if (list->at[i] != query) continue;
    memmove(&list->at[i], &list->at[i + 1], (--list->count - i) * sizeof *list->at);
    return true;
  }
  return false;
}

static int by_session(const void *a, const void *b) {
  pid_t left = (*(struct census_query *const *)a)->sid;
  pid_t right = (*(struct census_query *const *)b)->sid;
  return (left > right) - (left < right);
}

static struct census_query *list_find(struct query_list *list, pid_t sid) {
  struct census_query key = {.sid = sid}, *wanted = &key, **hit;
  if (sid <= 0 || list->count == 0) return NULL;
  hit = bsearch(&wanted, list->at, list->count, sizeof *list->at, by_session);
  return hit ? *hit : NULL;
}

static pid_t pid_of(const struct dirent *entry) {
  char *end;
  long pid = strtol(entry->d_name, &end, 10);
  return *end || pid <= 0 ? 0 : (pid_t)pid;
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

static struct census_query *find_marked(struct census *census, pid_t pid) {
  char mark[MARK_SIZE];
  int error = mark_read(pid, mark);
  if (is_passing(error)) census->blind = true;
  if (error) return NULL;
  for (size_t i = 0; i < census->asked.count; i++)
    if (census->asked.at[i]->mark && strcmp(census->asked.at[i]->mark, mark) == 0)
      return census->asked.at[i];
  return NULL;
}

static void tell_found(struct census *census, pid_t pid) {
  pid_t sid = getsid(pid);
  struct census_query *query = list_find(&census->asked, sid);
  if (!query && census->deep && is_suspect(census, sid)) query = find_marked(census, pid);
  if (query) query->found(query, pid);
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

/* Does anybody have to be looked for outside of its session? */
static bool needs_marks(const struct census *census, const struct census_query *query,
                        bool *orphans, bool *asked) {
  if (!query->mark || query->far) return query->mark != NULL;
  if (!*asked) *orphans = kin_has_orphans(&census->owner);
  *asked = true;
  return *orphans;
}

static bool is_deep(const struct census *census, const struct query_list *list) {
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
  struct query_list empty = census->asked;
  census->asked = census->waiting;
  census->waiting = empty;
  qsort(census->asked.at, census->asked.count, sizeof *census->asked.at, by_session);
  for (size_t i = 0; i < census->asked.count; i++) census->asked.at[i]->begun = true;
  census->walking = true;
  census->blind = false;
  census->deep = is_deep(census, &census->asked);
  census->needless = is_needless(census);
  census->session = getsid(0);
  if (census->proc) rewinddir(census->proc);
}

/* Walks on for one slice; returns false when the walk is over. */
static bool walk_on(struct census *census) {
  uint64_t until = uv_hrtime() + SLICE_NS;
  struct dirent *entry;
  for (unsigned n = 1; (entry = readdir(census->proc)) != NULL; n++) {
    pid_t pid = pid_of(entry);
    if (pid) tell_found(census, pid);
    if (n % CLOCK_EVERY == 0 && uv_hrtime() > until) return true;
  }
  return false;
}

static void on_turn(uv_idle_t *turn) {
  struct census *census = turn->data;
  if (!census->walking) walk_begin(census);
  if (!census->proc)
    walk_end(census, census->proc_error);
  else if (census->needless || !walk_on(census))
    walk_end(census, 0);
  if (!census->walking && census->waiting.count == 0) uv_idle_stop(&census->turn);
}

struct census *census_new(uv_loop_t *loop, const struct kin_owner *owner) {
  struct census *census = calloc(1, sizeof *census);
  if (!census) return NULL;
  census->owner = *owner;
  uv_idle_init(loop, &census->turn);
  uv_timer_init(loop, &census->soon);
  census->turn.data = census->soon.data = census;
  census->open_handles = 2;
  census->proc = opendir("/proc");
  census->proc_error = census->proc ? 0 : -errno;
  return census;
}

static int enlist(struct census *census, struct query_list *list,
                  struct census_query *query) {
  census_forget(query);
  int error = list_add(list, query);
  if (error) return error;
  query->census = census;
  query->begun = false;
  return 0;
}

int census_ask(struct census *census, struct census_query *query) {
  int error = enlist(census, &census->waiting, query);
  return error ? error : uv_idle_start(&census->turn, on_turn);
}

static void on_soon(uv_timer_t *soon) {
  struct census *census = soon->data;
  while (census->later.count > 0)
    census_ask(census, census->later.at[census->later.count - 1]);
}

int census_ask_later(struct census *census, struct census_query *query) {
  int error = enlist(census, &census->later, query);
  if (error || uv_is_active((uv_handle_t *)&census->soon)) return error;
  return uv_timer_start(&census->soon, on_soon, LATER_MS, 0);
}

void census_forget(struct census_query *query) {
  struct census *census = query->census;
  if (!census) return;
  query->census = NULL;
  if (list_remove(&census->waiting, query) || list_remove(&census->asked, query)) return;
  list_remove(&census->later, query);
}

static bool has_mark(const struct census *census, pid_t pid, const char *mark) {
  char its_own[MARK_SIZE];
  return is_suspect(census, getsid(pid)) && mark_read(pid, its_own) == 0 &&
         strcmp(its_own, mark) == 0;
}

int census_take(const struct census *census, const struct census_query *query,
                pid_t *pids, size_t room) {
  size_t count = 0;
  struct dirent *entry;
  bool orphans = false, asked = false;
  DIR *proc = opendir("/proc");
  if (!proc) return -errno;
  bool deep = needs_marks(census, query, &orphans, &asked);
  while (count < room && (entry = readdir(proc)) != NULL) {
    pid_t pid = pid_of(entry);
    if (!pid) continue;
    if (getsid(pid) == query->sid || (deep && has_mark(census, pid, query->mark)))
      pids[count++] = pid;
  }
  closedir(proc);
  return (int)count;
}

static void on_closed(uv_handle_t *handle) {
  struct census *census = handle->data;
  if (--census->open_handles > 0) return;
  if (census->proc) closedir(census->proc);
  free(census->later.at);
  free(census->waiting.at);
  free(census->asked.at);
  free(census);
}

static void forget_all(struct query_list *list) {
  while (list->count > 0) list->at[--list->count]->census = NULL;
}

void census_free(struct census *census) {
  if (!census) return;
  forget_all(&census->later);
  forget_all(&census->waiting);
  forget_all(&census->asked);
  uv_close((uv_handle_t *)&census->turn, on_closed);
  uv_close((uv_handle_t *)&census->soon, on_closed);
}
