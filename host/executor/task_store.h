/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the task store, shared by task.c (slots, limits) and turn.c (coroutines);
 * nobody else includes it. */
#pragma once
#include "executor/task.h"

enum { TASKS_IN_CHUNK = 16, SPARE_COROUTINES = 64 };

/* The Lua values of a task, in a table that it shares with the others of its chunk: the
 * collector walks a table in one go, so none may hold the values of all. */
enum value { VALUE_OBJECT = 1, VALUE_ACTOR, VALUE_COROUTINE, VALUES_IN_TASK = 3 };

enum handler {
  HANDLER_BEGIN,
  HANDLER_ADVANCE,
  HANDLER_READY,
  HANDLER_FINISHED,
  HANDLER_FAILED,
  HANDLER_LATE,
  HANDLER_BEAT,
  HANDLER_SERVE,
  HANDLERS
};

/* What the last task began with, see task.set_handlers in lua/meta/host.lua. */
struct first {
  const void *table;
  uint64_t every, heartbeat, stay; /* ns */
  bool ready;
};

struct tasks {
  lua_State *L;
  struct schedule *schedule;
  struct task **chunks;
  uint32_t chunk_count;
  uint32_t open;
  struct task *free;
  struct task *ready_head;
  struct task *ready_tail;
  struct task *sliced_head;
  struct task *sliced_tail;
  struct task *current;
  uint64_t turn_began; /* served ns */
  int overdue;         /* the limit that passed during this turn, LIMITS for none */
  struct pulse *pulse; /* in a guest: what the host sees of its turns; else NULL */
  uint8_t raised;      /* interrupt level that the last resume saw raised */
  bool close_current;  /* the running task is to be closed after its turn */
  bool crowded; /* a heavy task was cut since the last slice: others have to wait */
  bool watch_beats;
  int endings;     /* place on L of what turn_end looks into, 0 for none */
  lua_State *hand; /* the coroutine of the next turn, or NULL */
  int spares;      /* reference: [0] the hand, and a list of more that nobody uses */
  int spare_count;
  int handlers[HANDLERS]; /* references */
  struct first first;
  const char *keepalive; /* the interned string, kept alive by its reference */
  int keepalive_ref;
};

/* Where in task->values a value is. */
lua_Integer task_place(const struct task *task, enum value value);

void task_push_value(lua_State *L, const struct task *task, enum value value);

/* Pops the value. */
void task_set_value(lua_State *L, const struct task *task, enum value value);

/* Gives the task's coroutine back, closing what it has open. */
void turn_drop(struct tasks *tasks, struct task *task);

/* Runs one turn of a task that rests between two turns; false where it does not, or where
 * this is the middle of another's. */
bool turn_run_now(struct tasks *tasks, struct task *task);

/* Runs one turn of a ready task. */
void turn_run(struct tasks *tasks, struct task *task);

/* L: [..., actor, every] -> [...]; the actor has the next call. */
void turn_set_actor(lua_State *L, struct task *task);

/* A machine that needs no coroutine to get to its first actor says so; false when the task
 * is closed already. */
bool turn_begin(struct tasks *tasks, struct task *task);

/* co: [event] -> []; L: [...] -> [..., what that leads to, event], the task closed; false
 * with nothing changed where the event is none of tasks->endings. */
bool turn_end(struct tasks *tasks, struct task *task, lua_State *co);

/* Goes on with the task's coroutine, as lua_resume. */
int turn_resume(struct tasks *tasks, struct task *task, lua_State *co, int *count);

/* Closes a coroutine: runs its to-be-closed variables, or with [kill] no more than what
 * C there is of them. */
void turn_reset(lua_State *co, bool kill);

/* Puts a task whose slice has ended at the end of their queue. */
void task_put_off(struct tasks *tasks, struct task *task);

/* Runs a turn of a task that was taken out of a queue, unless it has ended meanwhile. */
void task_run_queued(struct tasks *tasks, struct task *task);

/* Calls a handler with the task's object and the [extra] values on top of L. */
void task_notify(struct tasks *tasks, struct task *task, enum handler handler, int extra);

/* Shows in the pulse by when the running task has to give a sign of life. */
void task_show(const struct tasks *tasks, const struct task *task);

/* The first limit of the task that has passed at [served] ns, LIMITS for none. */
int task_first_overdue(const struct task *task, uint64_t served);

/* Moves the task's limits back by [lost] ns: of these it had the use. */
void task_shift_limits(struct tasks *tasks, struct task *task, uint64_t lost);

/* Arms the guard for the earliest limit, if that is earlier than it stands now. */
void task_arm_guard(struct tasks *tasks, struct task *task);

/* Reports the first limit of the task that has passed. */
void task_check_limits(struct tasks *tasks, struct task *task);
