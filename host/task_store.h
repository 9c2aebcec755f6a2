/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the task store, shared by task.c (slots, limits) and turn.c (coroutines);
 * nobody else includes it. */
#pragma once
#include "task.h"

enum { TASKS_IN_CHUNK = 64, SPARE_COROUTINES = 64 };

enum handler {
  HANDLER_ADVANCE,
  HANDLER_READY,
  HANDLER_FINISHED,
  HANDLER_FAILED,
  HANDLER_LATE,
  HANDLER_BEAT,
  HANDLERS
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
  struct task *current;
  uint64_t turn_began; /* served ns */
  int overdue;         /* the limit that passed during this turn, LIMITS for none */
  bool close_current;  /* the running task is to be closed after its turn */
  bool watch_beats;
  int objects;     /* reference: [2 id + 1] the object, [2 id + 2] its actor */
  lua_State *hand; /* the coroutine of the next turn, or NULL */
  int coroutines;  /* reference: [id + 1] a waiting task's, [0] the hand */
  int spares;      /* reference: list of more coroutines that nobody uses */
  int spare_count;
  int handlers[HANDLERS]; /* references */
  const char *keepalive;  /* the interned string, kept alive by its reference */
  int keepalive_ref;
};

/* Gives the task's coroutine back, closing what it has open. */
void turn_drop(struct tasks *tasks, struct task *task);

/* Runs one turn of a ready task. */
void turn_run(struct tasks *tasks, struct task *task);

/* Calls a handler with the task's object and the [extra] values on top of L. */
void task_notify(struct tasks *tasks, struct task *task, enum handler handler, int extra);

/* The first limit of the task that has passed at [served] ns, LIMITS for none. */
int task_first_overdue(const struct task *task, uint64_t served);

/* Moves the task's limits back by [lost] ns: of these it had the use. */
void task_shift_limits(struct tasks *tasks, struct task *task, uint64_t lost);

/* Arms the guard for the earliest limit, if that is earlier than it stands now. */
void task_arm_guard(struct tasks *tasks, struct task *task);
