/* SPDX-License-Identifier: Apache-2.0 */
/* Task: a worker's slot in the scheduler: what it waits for and its deadlines.
 *
 * A slot is some 150 bytes of C and needs no coroutine while nothing of it runs: a turn
 * borrows one, and only a task that waits inside a turn keeps it. Slots are found by a
 * handle that carries a serial number, so a late event for an ended task finds nothing.
 * The module owns the slots and the coroutines. Thread: the runtime's. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/schedule.h"

/* Marks of the deadlines in the wheels, see deadline.h. */
enum deadline_kind { DEADLINE_TASK_WAKE, DEADLINE_TASK_GUARD, DEADLINE_TIMER };

/* The supervision deadlines of a task. */
enum limit { LIMIT_HEARTBEAT, LIMIT_STATE, LIMIT_TRANSITION, LIMIT_START, LIMIT_STOP };
enum { LIMITS = LIMIT_STOP + 1 };

/* What the coroutine of a task is running, or will run next. */
enum phase {
  PHASE_ADVANCE, /* the machine: takes an event, names the next actor */
  PHASE_ACTOR    /* the worker's actor of its present state */
};

enum wait {
  WAIT_NOTHING, /* it runs, is ready, or is between two turns */
  WAIT_SLEEP,   /* in self:sleep; a stop ends it early */
  WAIT_EVENT,   /* in await or park, for a wake with its number */
  WAIT_ANSWER,  /* the same, but a stop ends it early */
  WAIT_MAIL     /* in self:receive: nothing to do is no reason for a missed heartbeat */
};

struct task {
  struct deadline wake;    /* end of a sleep, or the next turn */
  struct deadline guard;   /* not later than the earliest limit */
  struct task *next_ready; /* also: next free slot */
  lua_State *co;           /* kept only while the task waits inside a turn */
  uint64_t
      limits[LIMITS]; /* served ns, 0 for none; the heartbeat's is relative to beat */
  uint64_t beat;      /* served ns of the last heartbeat */
  uint64_t every;     /* ns between two turns, 0 for as soon as possible */
  uint64_t rest;      /* while serving: tick of the turn that is next, 0 for now */
  uint32_t id;
  int values;       /* reference: table of its Lua values, see task_store.h */
  uint32_t serial;  /* which use of the slot this is; odd while open */
  uint32_t wait_no; /* which wait this is: a wake for an older one is dropped */
  uint32_t sent;    /* letters */
  uint32_t ceiling; /* KiB that the state may hold during its turns, 0 for no limit */
  uint16_t results; /* values that wait on the coroutine for its resume */
  uint8_t phase;
  uint8_t waits;
  bool queued : 1;
  bool running : 1;
  bool fresh : 1;     /* it has had no turn yet */
  bool failing : 1;   /* the next advance takes the machine's error event */
  bool cancelled : 1; /* the cancel has been ordered */
  bool raising : 1;   /* and not yet been raised */
  bool waited : 1;    /* it gave way during this turn */
  bool mail : 1;      /* requests are to be served before the actor's next turn */
  bool serving : 1;   /* this turn began with that */
  bool held : 1;      /* suspended: it gets no further turn */
  bool sliced : 1;    /* its slice has ended: it waits for nothing but its turn */
  bool stalled : 1;   /* it was cancelled because it did not give way */
  bool heavy : 1;     /* its last turn was cut, or it has had none */
};

struct pulse;
struct tasks;

/* Makes the task store of a state. Returns owned, NULL when out of memory. */
struct tasks *tasks_new(lua_State *L, struct schedule *schedule);

/* Frees all slots; their coroutines belong to the state. */
void tasks_free(struct tasks *tasks);

/* Opens a slot for the object on top of L, which it pops. Returns borrowed, NULL when out
 * of memory. */
struct task *task_open(struct tasks *tasks, lua_State *L);

/* Closes the slot: runs the to-be-closed variables of a coroutine that still waits, and
 * lets go of everything. A task that closes itself is closed when its turn ends. */
void task_close(struct tasks *tasks, struct task *task);

/* The handle of an open task, and the task of a handle (NULL when it has ended). */
uint64_t task_handle(const struct task *task);
struct task *task_find(struct tasks *tasks, uint64_t handle);

/* Lets the machine's advance run next; [failing] makes it take the error event. */
void task_begin(struct tasks *tasks, struct task *task, bool failing);

/* Puts the task at the end of the run queue, unless it is there. */
void task_make_ready(struct tasks *tasks, struct task *task);

/* A heartbeat: one store. */
void task_beat(struct tasks *tasks, struct task *task);

/* A new state: its heartbeat interval and longest stay in ns, 0 for none. */
void task_enter(struct tasks *tasks, struct task *task, uint64_t heartbeat,
                uint64_t stay);

/* Sets a limit to [duration] ns from now, 0 to lift it. */
void task_limit(struct tasks *tasks, struct task *task, enum limit limit,
                uint64_t duration);

/* Moves every limit that is set to at least [duration] ns from now. */
void task_extend(struct tasks *tasks, struct task *task, uint64_t duration);

/* From now on the task's turns are refused more memory than the state holds now and [bytes]
 * more, and three quarters of what its own limit leaves. */
void task_bound(struct tasks *tasks, struct task *task, size_t bytes);

/* Pops the function that the task calls from now on in place of its actor, [every] ns
 * apart; ends the pause between two turns. */
void task_set_actor(struct tasks *tasks, struct task *task, lua_State *L, uint64_t every);

/* Ends the pause between two turns, or a sleep, at once: something has changed. */
void task_nudge(struct tasks *tasks, struct task *task);

/* Wants an end within [duration] ns (0 for any time), and gives the task the turn in which
 * it sees that: now if it rests, or as soon as it can be. [L] is who asks. */
void task_stop(struct tasks *tasks, struct task *task, uint64_t duration,
               const lua_State *L);

/* As task_stop. Where the task rests, and its actor answers with an event that is a key of
 * the table at [endings] in L, the task is closed at once: what is there and the event are
 * pushed. Returns how many values were. */
int task_finish(struct tasks *tasks, struct task *task, uint64_t duration, lua_State *L,
                int endings);

/* Something is in the task's mailbox: wakes it if it waits for that. A [request] it serves
 * even if it does not, between two turns. */
void task_mail(struct tasks *tasks, struct task *task, bool request);

/* Gives the task no turn from its next boundary on, and counts none of that time against
 * its deadlines; true when it stands at a boundary, else the machine is told. */
bool task_hold(struct tasks *tasks, struct task *task);

/* Ends that. */
void task_release(struct tasks *tasks, struct task *task);

/* Orders a cancel, raised once where the coroutine waits. False when the task is between
 * two turns: there is nothing to raise in. */
bool task_cancel(struct tasks *tasks, struct task *task);

/* A number for the running task's next wait for an event, for task_wake; those handed out
 * before are void, whether they were waited for or not. */
uint32_t task_reserve_wait(struct task *task);

/* Begins a wait of the running task. [ns] 0 waits without a time limit. */
void task_wait(struct tasks *tasks, struct task *task, enum wait kind, uint64_t ns);

/* Ends the wait [number] with the [count] values on top of [from], which it pops; false
 * when that wait is over. */
bool task_wake(struct tasks *tasks, struct task *task, uint32_t number, lua_State *from,
               int count);

/* Runs ready tasks for about [budget] ns; true when some are left. */
bool tasks_run(struct tasks *tasks, uint64_t budget);

/* Lets one of the tasks whose slices have ended go on; true when more are left. */
bool tasks_run_sliced(struct tasks *tasks);

/* Whether any waits for its next slice. */
bool tasks_have_sliced(const struct tasks *tasks);

/* Expiry of a task's deadline, by its mark. */
void task_expired(struct tasks *tasks, struct deadline *deadline);

/* The task whose turn this is, NULL outside of turns. */
struct task *tasks_current(struct tasks *tasks);

/* Pushes what the task was opened with. */
void task_push_object(lua_State *L, const struct task *task);

/* Whether [L] is the coroutine of that task, not one that the worker made itself. */
bool tasks_run_on(const struct tasks *tasks, const lua_State *L);

/* How many slots are open. */
uint32_t tasks_count(const struct tasks *tasks);

/* Pops a table of the machine's functions: begin(object, now), advance(object, event),
 * ready(object), finished(object), failed(object, kind, message, traceback, limit),
 * late(object, limit), beat(object); and serve(object), run as the actor
 * is. */
void tasks_set_handlers(struct tasks *tasks, lua_State *L);

/* Keeps [pulse], which is borrowed, up to date with the turns. */
void tasks_set_pulse(struct tasks *tasks, struct pulse *pulse);

/* That pulse, or NULL. */
struct pulse *tasks_pulse(const struct tasks *tasks);

/* Whether [beat] is called for each heartbeat. */
void tasks_watch_beats(struct tasks *tasks, bool on);

/* The name of a limit: "heartbeat", "state", ... */
const char *limit_name(enum limit limit);
