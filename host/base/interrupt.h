/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupt: how Lua that runs is made to give way, or to end.
 *
 * Nothing is paid while nobody asks: an entry into Lua is a few stores. To interrupt,
 * somebody (the watchdog, on its thread) requests a level for the entry that runs and
 * signals the thread that owns the state; the handler arms a count hook there, on the
 * coroutine that runs now. The hook acts at the next instruction of Lua that is not the
 * library's own, so the library's steps are never cut in two. A request is for one entry:
 * what comes after it is never hit. Lives in the struct vm. Thread: the state's, except
 * where it says otherwise. */
#pragma once
#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum interrupt_level {
  INTERRUPT_NONE,
  INTERRUPT_SLICE,  /* a task yields and goes on later; elsewhere nothing happens */
  INTERRUPT_CANCEL, /* raises once: pcall and to-be-closed variables clean up */
  INTERRUPT_KILL    /* raises at every instruction until the entry is over */
};

/* What is entered. */
enum interrupt_way {
  INTERRUPT_LOOP, /* a call from the loop: it cannot be sliced */
  INTERRUPT_TASK  /* a task's own coroutine, or what it left open */
};

struct interrupt {
  _Atomic(lua_State *) running;  /* the coroutine that runs now, NULL outside of Lua */
  atomic_uint_least64_t entry;   /* odd inside of one */
  atomic_uint_least64_t request; /* entry << 2 | level */
  atomic_uint_least64_t ended;   /* the entry in which something was cancelled last */
  atomic_bool sliceable;         /* a task runs */
  atomic_bool dozing;            /* the watchdog is to be woken at the next entry */
  void (*wake)(void);            /* how */
  unsigned pinned;               /* resumes on the way here that no yield can pass */
  bool preempted;                /* the yield that is under way is a slice's end */
  bool passed;                   /* slices have ended inside of scripts' coroutines */
  uint8_t raised;                /* the highest level raised since the task went on */
  uint8_t looks;                 /* of the hook into the library */
  const void *message;           /* the error object that was raised last */
};

/* What an entry has to restore. */
struct interrupt_frame {
  lua_State *running;
  uint64_t request;
  unsigned pinned;
  uint8_t raised;
  bool sliceable;
  bool is_task;
};

/* Finds the interrupt of a state: the extra space points to a struct that begins with it.
 */
struct interrupt *interrupt_of(lua_State *L);

/* Makes the calling thread the one whose signals are about [self]; NULL for none. The
 * first call in the process installs the handler. Returns 0 or a negative errno. */
int interrupt_adopt(struct interrupt *self);

/* Every entry into Lua is between these two; they nest. Leaving returns the highest level
 * that was raised inside of a task. */
void interrupt_enter(struct interrupt *self, struct interrupt_frame *frame, lua_State *L,
                     enum interrupt_way way);
enum interrupt_level interrupt_leave(struct interrupt *self,
                                     const struct interrupt_frame *frame);

/* lua_resume for a coroutine of the script's. */
int interrupt_resume(lua_State *L, lua_State *co, int nargs, int *nresults);

/* lua_resetthread, interruptible; for a coroutine of the script's. */
int interrupt_reset(lua_State *L, lua_State *co);

/* Whether a task runs, and not a callback of the loop's. Thread: any. */
bool interrupt_in_task(const struct interrupt *self);

/* Whether the yield that has just been seen is a slice's end, and not the script's. */
bool interrupt_is_preempted(const struct interrupt *self);

/* The same, and forgets it: for the scheduler, where the yield ends. */
bool interrupt_take_preempted(struct interrupt *self);

/* Requests a level for what runs now. */
void interrupt_order(struct interrupt *self, enum interrupt_level level);

/* The level that is requested of what runs now. */
enum interrupt_level interrupt_pending(struct interrupt *self);

/* Requests a level for the entry [entry]; the owner must then be signalled. False when that
 * entry is over, or as much is requested of it already. Thread: any. */
bool interrupt_request(struct interrupt *self, uint64_t entry,
                       enum interrupt_level level);

/* Whether something was cancelled in the entry [entry]. Thread: any. */
bool interrupt_has_cancelled(const struct interrupt *self, uint64_t entry);

/* The signal that makes the owner look at the request. */
int interrupt_signal(void);

/* Lets hooks run again on a coroutine that has ended with an error: one raised by a hook
 * leaves them off for good, and its to-be-closed variables could not be interrupted. */
void interrupt_heal(lua_State *co);

/* Whether the Lua function that runs now is the library's, whatever in C it has called. Takes
 * no memory and no stack. */
bool interrupt_in_library(const void *self);

/* Takes the function on top of the stack as the library's: it is never interrupted
 * itself, only what it calls. */
void interrupt_exempt(lua_State *L);

/* What is known of the library goes by addresses. Before the state moves as a whole it is
 * packed up, and unpacked at the other place. */
void interrupt_pack(lua_State *L);
void interrupt_unpack(lua_State *L);
