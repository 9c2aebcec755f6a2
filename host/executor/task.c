/* SPDX-License-Identifier: Apache-2.0 */
/* Task: slots, the run queue, waits. See task.h; the deadlines are in task_limit.c, turns
 * are run by turn.c. */
#include "executor/task.h"

#include <lauxlib.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "executor/task_store.h"
#include "vm/vm.h"

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
  static const char *const names[HANDLERS] = {"begin",  "advance", "ready", "finished",
                                              "failed", "late",    "beat",  "serve"};
  for (int i = 0; i < HANDLERS; i++) {
    luaL_unref(L, LUA_REGISTRYINDEX, tasks->handlers[i]);
    lua_getfield(L, -1, names[i]);
    tasks->handlers[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_pop(L, 1);
}

void tasks_set_pulse(struct tasks *tasks, struct pulse *pulse) {
  tasks->pulse = pulse;
}

struct pulse *tasks_pulse(const struct tasks *tasks) {
  return tasks->pulse;
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
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, task_place(task, value));
  lua_pop(L, 2);
}

void task_push_object(lua_State *L, const struct task *task) {
  task_push_value(L, task, VALUE_OBJECT);
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
  tasks->endings = 0; /* the machine may run others' turns, where L has another frame */
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
  return task;
}

void task_run_queued(struct tasks *tasks, struct task *task) {
  bool closed = !(task->serial & 1);
  task->queued = false;
  if (closed)
    free_slot(tasks, task);
  else
    turn_run(tasks, task);
}

bool tasks_run(struct tasks *tasks, uint64_t budget) {
  uint64_t end = tasks->schedule->now + budget;
  while (tasks->ready_head) {
    struct task *task = take_ready(tasks);
    if (tasks->crowded && task->heavy)
      task_put_off(tasks, task);
    else
      task_run_queued(tasks, task);
    if (tasks->schedule->now >= end) break;
  }
  return tasks->ready_head != NULL;
}

void task_begin(struct tasks *tasks, struct task *task, bool failing) {
  deadline_cancel(&task->wake);
  task->phase = PHASE_ADVANCE;
  task->fresh = !failing;
  task->heavy = true;
  task->failing = failing;
  task_make_ready(tasks, task);
}

/* ---- waits ---- */

uint32_t task_reserve_wait(struct task *task) {
  return ++task->wait_no;
}

void task_wait(struct tasks *tasks, struct task *task, enum wait kind, uint64_t ns) {
  task->waits = (uint8_t)kind;
  /* nobody has its number */
  if (kind == WAIT_SLEEP || kind == WAIT_MAIL) task->wait_no++;
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
  bool ends_early = task->waits != WAIT_NOTHING && task->waits != WAIT_EVENT;
  task->rest = 0;
  if (ends_early && task->co) {
    wake_with_error(tasks, task, "stopping", "ECANCELED");
  } else if (!task->co && !task->running && deadline_is_armed(&task->wake)) {
    deadline_cancel(&task->wake);
    task_make_ready(tasks, task);
  }
}

void task_stop(struct tasks *tasks, struct task *task, uint64_t duration,
               const lua_State *L) {
  uint32_t serial = task->serial;
  task_release(tasks, task); /* a suspended task obeys, too */
  if (duration) task->limits[LIMIT_STOP] = schedule_served(tasks->schedule) + duration;
  bool ran = L == tasks->L && turn_run_now(tasks, task);
  if (task->serial != serial) return;
  task_arm_guard(tasks, task);
  if (!ran) task_nudge(tasks, task);
}

static bool is_between_turns(const struct task *task) {
  return task->phase == PHASE_ACTOR && !task->co && !task->running;
}

void task_mail(struct tasks *tasks, struct task *task, bool request) {
  if (request) task->mail = true;
  if (task->waits == WAIT_MAIL && task->co) {
    lua_pushboolean(task->co, 1);
    end_wait(tasks, task, 1);
  } else if (request && is_between_turns(task)) {
    task_make_ready(tasks, task);
  }
}

bool task_hold(struct tasks *tasks, struct task *task) {
  task->held = true;
  if (!is_between_turns(task)) return false;
  task_beat(tasks, task);
  return true;
}

void task_release(struct tasks *tasks, struct task *task) {
  if (!task->held) return;
  uint64_t lost = schedule_served(tasks->schedule) - task->beat;
  task->held = false;
  if (!is_between_turns(task)) return;
  if (task->limits[LIMIT_STATE]) task->limits[LIMIT_STATE] += lost;
  task_beat(tasks, task);
  task_arm_guard(tasks, task);
  if (task->mail || !deadline_is_armed(&task->wake)) task_make_ready(tasks, task);
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
  } else if (task->waits != WAIT_NOTHING) {
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
    task_check_limits(tasks,
                      (struct task *)((char *)deadline - offsetof(struct task, guard)));
}
