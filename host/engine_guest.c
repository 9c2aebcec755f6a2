/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_guest.h. */
#include "engine_guest.h"

#include <lua.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/links.h"
#include "base/deadline.h"
#include "base/embedded.h"
#include "engine.h"
#include "executor/guest.h"
#include "executor/runtime.h"
#include "vm/mould.h"
#include "vm/vm.h"

/* What guests' states are poured from: made by the first, for which the others wait; where
 * it cannot be made each loads its own. */
static const struct mould *mould;
static pthread_once_t mould_once = PTHREAD_ONCE_INIT;

static void require(lua_State *L, const char *module) {
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  lua_call(L, 1, 1);
}

/* a module's function without arguments or results */
static void call_of(lua_State *L, const char *module, const char *name) {
  require(L, module);
  lua_getfield(L, -1, name);
  lua_call(L, 0, 0);
}

static int fill(lua_State *L) {
  engine_set_up(L);
  require(L, "luvisor.edge.guest");
  call_of(L, "luvisor.edge.guest.ahead", "load");
  return 0;
}

/* What a worker drops when it rests. */
static int rest(lua_State *L) {
  call_of(L, "luvisor.edge.guest.shed", "all");
  return 0;
}

static void make_mould(void) {
  char problem[MOULD_PROBLEM];
  const char *other = getenv("LUVISOR_LUA");
  if (!(other && *other)) mould = mould_new(fill, rest, problem);
}

static int open_engine(struct engine *engine) {
  pthread_once(&mould_once, make_mould);
  return mould ? engine_pour(engine, DEADLINE_FEW_BITS, mould)
               : engine_open(engine, DEADLINE_FEW_BITS);
}

static void run(struct engine *engine, struct guest *guest) {
  lua_State *L = engine->vm->L;
  tasks_set_pulse(runtime_tasks(engine->runtime), guest_pulse(guest));
  links_set_parent(L, guest_channel(guest));
  lua_pushnil(L);
  if (engine_main(engine, "luvisor.edge.guest") < 0) engine_run(engine);
}

/* An engine that would not close is left as it is: its loop is in use. */
void engine_guest(struct guest *guest) {
  struct engine *engine = calloc(1, sizeof *engine);
  embedded_keep();
  bool closed = true;
  if (engine && open_engine(engine) == 0) {
    run(engine, guest);
    closed = engine_close(engine);
  }
  if (closed) free(engine);
}
