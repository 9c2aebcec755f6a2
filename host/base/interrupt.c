/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupt: see interrupt.h. */
#include "base/interrupt.h"

#include <errno.h>
#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { LIBRARY_STEPS = 64 }; /* instructions until the hook looks again there, or up to */
                             /* twice as many: a loop shall not keep step with it */

static char library_key; /* registry key: chunk name's address -> what keeps it */

/* The interrupt of the thread, for its signal handler. */
static _Thread_local struct interrupt *own;

struct interrupt *interrupt_of(lua_State *L) {
  return *(struct interrupt **)lua_getextraspace(L);
}

/* ---- requests ---- */

static uint64_t make_request(uint64_t entry, enum interrupt_level level) {
  return entry << 2 | level;
}

static enum interrupt_level level_of(uint64_t request, uint64_t entry) {
  return request >> 2 == entry ? (enum interrupt_level)(request & 3) : INTERRUPT_NONE;
}

enum interrupt_level interrupt_pending(struct interrupt *self) {
  uint64_t entry = atomic_load_explicit(&self->entry, memory_order_relaxed);
  return level_of(atomic_load_explicit(&self->request, memory_order_relaxed), entry);
}

bool interrupt_request(struct interrupt *self, uint64_t entry,
                       enum interrupt_level level) {
  uint64_t before = atomic_load(&self->request);
  do {
    if (atomic_load(&self->entry) != entry) return false;
    if (level_of(before, entry) >= level) return false;
  } while (
      !atomic_compare_exchange_weak(&self->request, &before, make_request(entry, level)));
  return true;
}

bool interrupt_has_cancelled(const struct interrupt *self, uint64_t entry) {
  return atomic_load(&self->ended) == entry;
}

/* Done with: unless it has become a higher one meanwhile. */
static void consume(struct interrupt *self, enum interrupt_level level) {
  uint64_t entry = atomic_load(&self->entry);
  uint64_t request = make_request(entry, level);
  atomic_compare_exchange_strong(&self->request, &request, 0);
}

/* ---- the hook ---- */

static void on_count(lua_State *L, lua_Debug *ar);

static void arm(lua_State *L, int count) {
  lua_sethook(L, on_count, LUA_MASKCOUNT, count);
}

static void disarm(lua_State *L) {
  lua_sethook(L, NULL, 0, 0);
}

static bool is_library(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "S", ar);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &library_key) == LUA_TTABLE)
    lua_rawgetp(L, -1, ar->source);
  else
    lua_pushnil(L);
  bool found = !lua_isnil(L, -1);
  lua_pop(L, 2);
  return found;
}

static void slice(struct interrupt *self, lua_State *L) {
  consume(self, INTERRUPT_SLICE);
  disarm(L);
  bool ours = L == atomic_load_explicit(&self->running, memory_order_relaxed);
  if (!ours || self->pinned || !lua_isyieldable(L)) return;
  self->preempted = true;
  lua_yield(L, 0);
}

static void raise_level(struct interrupt *self, lua_State *L,
                        enum interrupt_level level) {
  if (self->raised < level) self->raised = (uint8_t)level;
  if (level == INTERRUPT_CANCEL) {
    consume(self, level);
    atomic_store(&self->ended, atomic_load(&self->entry));
    disarm(L);
  }
  luaL_where(L, 0);
  lua_pushstring(L, level == INTERRUPT_KILL ? "killed" : "cancelled");
  lua_concat(L, 2);
  self->message = lua_topointer(L, -1);
  lua_error(L);
}

static void on_count(lua_State *L, lua_Debug *ar) {
  struct interrupt *self = interrupt_of(L);
  enum interrupt_level level = interrupt_pending(self);
  if (level == INTERRUPT_NONE)
    disarm(L);
  else if (is_library(L, ar))
    arm(L, LIBRARY_STEPS + (self->looks += 37) % LIBRARY_STEPS);
  else if (level == INTERRUPT_SLICE)
    slice(self, L);
  else
    raise_level(self, L, level);
}

/* Arms what runs, if anything is requested of it. */
static void apply(struct interrupt *self) {
  lua_State *L = atomic_load_explicit(&self->running, memory_order_relaxed);
  enum interrupt_level level = interrupt_pending(self);
  if (!L || level == INTERRUPT_NONE) return;
  if (level == INTERRUPT_SLICE && !self->sliceable) return;
  arm(L, 1);
}

void interrupt_order(struct interrupt *self, enum interrupt_level level) {
  interrupt_request(self, atomic_load(&self->entry), level);
  apply(self);
}

/* ---- the signal ---- */

int interrupt_signal(void) {
  return SIGURG; /* ignored where nobody handles it, and hardly ever used */
}

/* A hook is all that may be set here, as in lua.c. */
static void on_signal(int number) {
  (void)number;
  if (own) apply(own);
}

static int install_result;

static void install(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  install_result = sigaction(interrupt_signal(), &action, NULL) < 0 ? -errno : 0;
}

int interrupt_adopt(struct interrupt *self) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  own = self;
  sigset_t ours; /* threads of guests take no signals but this one */
  sigemptyset(&ours);
  sigaddset(&ours, interrupt_signal());
  if (self) pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
  return install_result;
}

/* ---- entries ---- */

static void set_running(struct interrupt *self, lua_State *L) {
  atomic_store_explicit(&self->running, L, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst); /* the handler sees it before we look */
}

static void count_entry(struct interrupt *self) {
  uint64_t entry = atomic_load_explicit(&self->entry, memory_order_relaxed);
  atomic_store_explicit(&self->entry, entry + 1, memory_order_relaxed);
}

static void set_sliceable(struct interrupt *self, bool on) {
  atomic_store_explicit(&self->sliceable, on, memory_order_relaxed);
}

static void wake_watchdog(struct interrupt *self) {
  atomic_store(&self->dozing, false);
  self->wake();
}

/* A task that is entered from within another entry has requests of its own. */
static void begin_task(struct interrupt *self, struct interrupt_frame *frame) {
  self->pinned = 0;
  self->raised = INTERRUPT_NONE;
  if (frame->running) frame->request = atomic_exchange(&self->request, 0);
}

void interrupt_enter(struct interrupt *self, struct interrupt_frame *frame, lua_State *L,
                     enum interrupt_way way) {
  frame->running = atomic_load_explicit(&self->running, memory_order_relaxed);
  frame->pinned = self->pinned;
  frame->raised = self->raised;
  frame->request = 0;
  frame->sliceable = atomic_load_explicit(&self->sliceable, memory_order_relaxed);
  frame->is_task = way == INTERRUPT_TASK;
  if (!frame->running) {
    count_entry(self);
    if (atomic_load_explicit(&self->dozing, memory_order_relaxed)) wake_watchdog(self);
  }
  if (frame->is_task) begin_task(self, frame);
  set_sliceable(self, frame->is_task);
  set_running(self, L);
  if (interrupt_pending(self) != INTERRUPT_NONE) apply(self);
}

static void restore(struct interrupt *self, const struct interrupt_frame *frame) {
  self->pinned = frame->pinned;
  set_sliceable(self, frame->sliceable);
  set_running(self, frame->running);
}

enum interrupt_level interrupt_leave(struct interrupt *self,
                                     const struct interrupt_frame *frame) {
  enum interrupt_level raised = self->raised;
  restore(self, frame);
  if (frame->is_task) self->raised = frame->raised;
  if (!frame->running) {
    count_entry(self);
    return raised;
  }
  if (frame->is_task) atomic_store(&self->request, frame->request);
  if (interrupt_pending(self) != INTERRUPT_NONE) apply(self);
  return raised;
}

bool interrupt_in_task(const struct interrupt *self) {
  return atomic_load_explicit(&self->sliceable, memory_order_relaxed);
}

bool interrupt_is_preempted(const struct interrupt *self) {
  return self->preempted;
}

bool interrupt_take_preempted(struct interrupt *self) {
  bool preempted = self->preempted;
  self->preempted = false;
  return preempted;
}

/* ---- coroutines of the script ---- */

/* Nothing has been requested for long, or ever: cheaper to ask than what is pending. */
static void apply_if_requested(struct interrupt *self) {
  if (atomic_load_explicit(&self->request, memory_order_relaxed)) apply(self);
}

/* Goes from L to a coroutine below it. Returns what ran before: another than L when C code
 * of somebody else's has resumed L, and no yield can pass that. */
static lua_State *descend(struct interrupt *self, lua_State *L, lua_State *co) {
  lua_State *running = atomic_load_explicit(&self->running, memory_order_relaxed);
  if (L != running || !lua_isyieldable(L)) self->pinned++;
  set_running(self, co);
  apply_if_requested(self);
  return running;
}

static void ascend(struct interrupt *self, lua_State *running, unsigned pinned) {
  self->pinned = pinned;
  set_running(self, running);
  apply_if_requested(self);
}

int interrupt_resume(lua_State *L, lua_State *co, int nargs, int *nresults) {
  struct interrupt *self = interrupt_of(L);
  unsigned pinned = self->pinned;
  lua_State *before = descend(self, L, co);
  int status = lua_resume(co, L, nargs, nresults);
  ascend(self, before, pinned);
  if (status > LUA_YIELD) interrupt_heal(co);
  return status;
}

int interrupt_reset(lua_State *L, lua_State *co) {
  struct interrupt *self = interrupt_of(L);
  unsigned pinned = self->pinned;
  lua_State *before = descend(self, L, co);
  int status = lua_resetthread(co);
  ascend(self, before, pinned);
  return status;
}

/* ---- the library ---- */

bool interrupt_in_library(const void *context) {
  static const char prefix[] = "=luvisor/";
  const struct interrupt *self = context;
  lua_State *L = atomic_load_explicit(&self->running, memory_order_relaxed);
  lua_Debug ar;
  for (int level = 0; L && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "S", &ar);
    if (*ar.what != 'C') return !strncmp(ar.source, prefix, sizeof prefix - 1);
  }
  return false;
}

/* -> a new table, which the registry has in the place of the one before */
static void push_new_library(lua_State *L) {
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &library_key);
}

void interrupt_exempt(lua_State *L) {
  lua_Debug ar;
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">S", &ar);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &library_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    push_new_library(L);
  }
  lua_pushstring(L, ar.source); /* a short one is there once, and stays with this */
  if (lua_tostring(L, -1) != ar.source) {
    lua_pop(L, 1);
    lua_pushvalue(L, -2); /* as long as the function is there, so is its name */
  }
  lua_rawsetp(L, -2, ar.source);
  lua_pop(L, 1);
}

/* { [address of a name] = name or a function with it } -> list of them */
void interrupt_pack(lua_State *L) {
  lua_Integer count = 0;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &library_key) == LUA_TTABLE) {
    push_new_library(L);
    for (lua_pushnil(L); lua_next(L, -3);) lua_rawseti(L, -3, ++count);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* name, or a function with it, on top */
static const char *name_on_top(lua_State *L) {
  lua_Debug ar;
  if (lua_isstring(L, -1)) return lua_tostring(L, -1);
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">S", &ar);
  return ar.source;
}

void interrupt_unpack(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &library_key) == LUA_TTABLE) {
    push_new_library(L);
    for (lua_Integer i = 1; lua_rawgeti(L, -2, i) != LUA_TNIL; i++)
      lua_rawsetp(L, -2, name_on_top(L));
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
}
