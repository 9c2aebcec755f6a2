/* SPDX-License-Identifier: Apache-2.0 */
/* Task: slots, the run queue, limits, waits. See task.h; turns are run by turn.c. */
#include "task.h"

#include <lauxlib.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "task_store.h"
#include "vm.h"

const char *limit_name(enum limit limit) {
  static const char *const names[LIMITS] = {"heartbeat", "state", "transition", "start",
                                            "stop"};
  return names[limit];
}

/* ---- the store ---- */

struct tasks *tasks_new(lua_State *L, struct schedule *schedule) {
  struct tasks *tasks = calloc(1, sizeof *tasks);
  if (!tasks) return NULL;
  tasks->L = L;
  tasks->schedule = schedule;
  lua_newtable(L);
  tasks->spares = luaL_ref(L, LUA_REGISTRYINDEX);
  for (int i = 0; i < HANDLERS; i++) tasks->handlers[i] = LUA_NOREF;
  tasks->keepalive = lua_pushliteral(L, "keepalive");
  tasks->keepalive_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return tasks;
}

void tasks_free(struct tasks *tasks) {
  for (uint32_t i = 0; i < tasks->chunk_count; i++) free(tasks->chunks[i]);
  free(tasks->chunks);
  free(tasks);
}

void tasks_set_handlers(struct tasks *tasks, lua_State *L) {
  static const char *const names[HANDLERS] = {"advance", "ready", "finished",
                                              "failed",  "late",  "beat"};
  for (int i = 0; i < HANDLERS; i++) {
    luaL_unref(L, LUA_REGISTRYINDEX, tasks->handlers[i]);
    lua_getfield(L, -1, names[i]);
    tasks->handlers[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_pop(L, 1);
}

void tasks_watch_beats(struct tasks *tasks, bool on) {
  tasks->watch_beats = on;
}

uint32_t tasks_count(const struct tasks *tasks) {
  return tasks->open;
}

/* ---- values ---- */

lua_Integer task_place(const struct task *task, enum value value) {
  return (lua_Integer)(task->id % TASKS_IN_CHUNK) * VALUES_IN_TASK + value;
}

void task_push_value(lua_State *L, const struct task *task, enum value value) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, task->values);
  lua_rawgeti(L, -1, task_place(task, value));
  lua_replace(L, -2);
}

void task_set_value(lua_State *L, const struct task *task, enum value value) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, task->values);
  lua_insert(L, -2);
  lua_rawseti(L, -2, task_place(task, value));
  lua_pop(L, 1);
}

/* ---- slots ---- */

struct task *tasks_current(struct tasks *tasks) {
  return tasks->current;
}

bool tasks_run_on(const struct tasks *tasks, const lua_State *L) {
  const struct task *task = tasks->current;
  return task && L == (task->co ? task->co : tasks->hand);
}

static struct task *new_chunk(struct tasks *tasks) {
  size_t count = tasks->chunk_count + 1;
  struct task **chunks = realloc(tasks->chunks, count * sizeof *chunks);
  if (!chunks) return NULL;
  tasks->chunks = chunks;
  return calloc(TASKS_IN_CHUNK, sizeof **chunks);
}

static bool add_chunk(struct tasks *tasks, lua_State *L) {
  lua_createtable(L, VALUES_IN_TASK * TASKS_IN_CHUNK, 0);
  int values = luaL_ref(L, LUA_REGISTRYINDEX); /* first: it may raise */
  struct task *chunk = new_chunk(tasks);
  if (!chunk) {
    luaL_unref(L, LUA_REGISTRYINDEX, values);
    return false;
  }
  for (uint32_t i = TASKS_IN_CHUNK; i-- > 0;) {
    chunk[i].id = tasks->chunk_count * TASKS_IN_CHUNK + i;
    chunk[i].values = values;
    chunk[i].next_ready = tasks->free;
    tasks->free = &chunk[i];
  }
  tasks->chunks[tasks->chunk_count++] = chunk;
  return true;
}

static struct task *take_slot(struct tasks *tasks, lua_State *L) {
  if (!tasks->free && !add_chunk(tasks, L)) return NULL;
  struct task *task = tasks->free;
  uint32_t id = task->id, serial = task->serial;
  int values = task->values;
  tasks->free = task->next_ready;
  memset(task, 0, sizeof *task);
  task->id = id;
  task->values = values;
  task->serial = serial + 1;
  task->wake.kind = DEADLINE_TASK_WAKE;
  task->guard.kind = DEADLINE_TASK_GUARD;
  tasks->open++;
  return task;
}

struct task *task_open(struct tasks *tasks, lua_State *L) {
  struct task *task = take_slot(tasks, L);
  if (task)
    task_set_value(L, task, VALUE_OBJECT);
  else
    lua_pop(L, 1);
  return task;
}

static void forget_values(lua_State *L, const struct task *task) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, task->values);
  for (int value = VALUE_OBJECT; value <= VALUE_ACTOR; value++) {
    lua_pushnil(L);
    lua_rawseti(L, -2, task_place(task, value));
  }
  lua_pop(L, 1);
}

static void free_slot(struct tasks *tasks, struct task *task) {
  task->next_ready = tasks->free;
  tasks->free = task;
}

void task_close(struct tasks *tasks, struct task *task) {
  if (task->running) {
    tasks->close_current = true;
    return;
  }
  deadline_cancel(&task->wake);
  deadline_cancel(&task->guard);
  task->serial++; /* from here on its handle finds nothing */
  tasks->open--;
  turn_drop(tasks, task);
  forget_values(tasks->L, task);
  if (!task->queued) free_slot(tasks, task); /* else when the queue gets to it */
}

uint64_t task_handle(const struct task *task) {
  return (uint64_t)(task->serial >> 1) << 32 | task->id;
}

struct task *task_find(struct tasks *tasks, uint64_t handle) {
  uint32_t id = (uint32_t)handle;
  if (id / TASKS_IN_CHUNK >= tasks->chunk_count) return NULL;
  struct task *task = &tasks->chunks[id / TASKS_IN_CHUNK][id % TASKS_IN_CHUNK];
  bool open = task->serial & 1;
  return open && task->serial >> 1 == handle >> 32 ? task : NULL;
}

void task_notify(struct tasks *tasks, struct task *task, enum handler handler,
                 int extra) {
  lua_State *L = tasks->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, tasks->handlers[handler]);
  task_push_value(L, task, VALUE_OBJECT);
  if (extra) lua_rotate(L, -2 - extra, 2); /* handler, object, extra... */
  vm_call(L, 1 + extra, 0);
  schedule_lose_stall(tasks->schedule);
}

/* ---- the run queue ---- */

void task_make_ready(struct tasks *tasks, struct task *task) {
  if (task->queued) return;
  task->queued = true;
  task->next_ready = NULL;
  if (tasks->ready_tail)
    tasks->ready_tail->next_ready = task;
  else
    tasks->ready_head = task;
  tasks->ready_tail = task;
}

static struct task *take_ready(struct tasks *tasks) {
  struct task *task = tasks->ready_head;
  tasks->ready_head = task->next_ready;
  if (!tasks->ready_head) tasks->ready_tail = NULL;
  task->queued = false;
  return task;
}

bool tasks_run(struct tasks *tasks, uint64_t budget) {
  uint64_t end = tasks->schedule->now + budget;
  while (tasks->ready_head) {
    struct task *task = take_ready(tasks);
    bool closed = !(task->serial & 1);
    if (closed) {
      free_slot(tasks, task);
      continue;
    }
    turn_run(tasks, task);
    if (tasks->schedule->now >= end) break;
  }
  return tasks->ready_head != NULL;
}

void task_begin(struct tasks *tasks, struct task *task, bool failing) {
  deadline_cancel(&task->wake);
  task->phase = PHASE_ADVANCE;
  task->failing = failing;
  task_make_ready(tasks, task);
}

/* ---- limits ---- */

/* served ns at which a limit is reached, UINT64_MAX for never */
static uint64_t limit_due(const struct task *task, int limit) {
  if (!task->limits[limit]) return UINT64_MAX;
  return task->limits[limit] + (limit == LIMIT_HEARTBEAT ? task->beat : 0);
}

static uint64_t earliest_limit(const struct task *task) {
  uint64_t earliest = UINT64_MAX;
  for (int i = 0; i < LIMITS; i++) {
    uint64_t due = limit_due(task, i);
    if (due < earliest) earliest = due;
  }
  return earliest;
}

/* A guard that stands too early only looks again and is armed anew, so a heartbeat or a
 * later limit needs no move here. */
void task_arm_guard(struct tasks *tasks, struct task *task) {
  uint64_t due = earliest_limit(task);
  if (due == UINT64_MAX) return;
  if (!deadline_is_armed(&task->guard) || schedule_tick(due) < task->guard.due)
    schedule_guard(tasks->schedule, &task->guard, due);
}

void task_beat(struct tasks *tasks, struct task *task) {
  task->beat = schedule_served(tasks->schedule);
}

void task_enter(struct tasks *tasks, struct task *task, uint64_t heartbeat,
                uint64_t stay) {
  uint64_t now = schedule_served(tasks->schedule);
  task->beat = now;
  task->limits[LIMIT_HEARTBEAT] = heartbeat;
  task->limits[LIMIT_STATE] = stay ? now + stay : 0;
  task->limits[LIMIT_TRANSITION] = 0;
  task_arm_guard(tasks, task);
}

void task_limit(struct tasks *tasks, struct task *task, enum limit limit,
                uint64_t duration) {
  uint64_t now = schedule_served(tasks->schedule);
  if (limit == LIMIT_HEARTBEAT) {
    task->beat = now;
    task->limits[limit] = duration;
  } else {
    task->limits[limit] = duration ? now + duration : 0;
  }
  task_arm_guard(tasks, task);
}

void task_extend(struct tasks *tasks, struct task *task, uint64_t duration) {
  uint64_t until = schedule_served(tasks->schedule) + duration;
  for (int i = 0; i < LIMITS; i++) {
    uint64_t due = limit_due(task, i);
    if (due >= until) continue; /* also: not set */
    if (i == LIMIT_HEARTBEAT)
      task->beat = until - task->limits[i];
    else
      task->limits[i] = until;
  }
}

int task_first_overdue(const struct task *task, uint64_t served) {
  int limit = 0;
  while (limit < LIMITS && limit_due(task, limit) > served) limit++;
  return limit;
}

void task_shift_limits(struct tasks *tasks, struct task *task, uint64_t lost) {
  task->beat -= task->beat < lost ? task->beat : lost;
  for (int i = 0; i < LIMITS; i++)
    if (i != LIMIT_HEARTBEAT && task->limits[i] > lost) task->limits[i] -= lost;
  task_arm_guard(tasks, task);
}

/* Reports the first limit that has passed, and lifts it: the machine decides what next. */
static void check_limits(struct tasks *tasks, struct task *task) {
  int limit = task_first_overdue(task, schedule_served(tasks->schedule));
  if (limit < LIMITS) task->limits[limit] = 0;
  task_arm_guard(tasks, task);
  if (limit == LIMITS) return;
  lua_pushstring(tasks->L, limit_name((enum limit)limit));
  task_notify(tasks, task, HANDLER_LATE, 1);
}

/* ---- waits ---- */

uint32_t task_reserve_wait(struct task *task) {
  return ++task->wait_no;
}

void task_wait(struct tasks *tasks, struct task *task, enum wait kind, uint64_t ns) {
  task->waits = (uint8_t)kind;
  if (kind == WAIT_SLEEP) task->wait_no++; /* nobody has its number */
  task->waited = true;
  if (ns) schedule_wake(tasks->schedule, &task->wake, schedule_now(tasks->schedule) + ns);
}

static void end_wait(struct tasks *tasks, struct task *task, int results) {
  deadline_cancel(&task->wake);
  task->waits = WAIT_NOTHING;
  task->wait_no++;
  task->results = (uint16_t)results;
  task_make_ready(tasks, task);
}

bool task_wake(struct tasks *tasks, struct task *task, uint32_t number, lua_State *from,
               int count) {
  bool over = task->waits == WAIT_NOTHING || task->wait_no != number || !task->co;
  if (over || !lua_checkstack(task->co, count)) {
    lua_pop(from, count);
    return false;
  }
  lua_xmove(from, task->co, count);
  end_wait(tasks, task, count);
  return true;
}

/* ends a wait with nil, message, code */
static void wake_with_error(struct tasks *tasks, struct task *task, const char *message,
                            const char *code) {
  lua_pushnil(task->co);
  lua_pushstring(task->co, message);
  lua_pushstring(task->co, code);
  end_wait(tasks, task, 3);
}

void task_nudge(struct tasks *tasks, struct task *task) {
  if (task->waits == WAIT_SLEEP && task->co) {
    wake_with_error(tasks, task, "stopping", "ECANCELED");
  } else if (!task->co && !task->running && deadline_is_armed(&task->wake)) {
    deadline_cancel(&task->wake);
    task_make_ready(tasks, task);
  }
}

bool task_cancel(struct tasks *tasks, struct task *task) {
  if (!task->co && !task->running) return false;
  task->cancelled = task->raising = true;
  if (task->waits != WAIT_NOTHING) end_wait(tasks, task, 0);
  return true;
}

static void wake_expired(struct tasks *tasks, struct task *task) {
  if (task->waits == WAIT_SLEEP) {
    lua_pushboolean(task->co, 1);
    end_wait(tasks, task, 1);
  } else if (task->waits == WAIT_EVENT) {
    wake_with_error(tasks, task, "timeout", "ETIMEDOUT");
  } else {
    __builtin_prefetch(&task->beat); /* its turn comes after those of the same tick */
    task_make_ready(tasks, task);
  }
}

void task_expired(struct tasks *tasks, struct deadline *deadline) {
  if (deadline->kind == DEADLINE_TASK_WAKE)
    wake_expired(tasks, (struct task *)deadline);
  else
    check_limits(tasks, (struct task *)((char *)deadline - offsetof(struct task, guard)));
}
