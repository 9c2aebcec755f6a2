/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_guest.h. */
#include "engine_guest.h"

#include <lua.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "api/links.h"
#include "base/deadline.h"
#include "base/embedded.h"
#include "engine.h"
#include "executor/guest.h"
#include "executor/runtime.h"
#include "vm/mould.h"
#include "vm/vm.h"

/* What a guest's state is poured from: made by the first, once and for all. Until it is
 * there, and where it cannot be, each loads its own. */
static const struct mould *_Atomic mould;
static atomic_flag was_begun = ATOMIC_FLAG_INIT;

static void require(lua_State *L, const char *module) {
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  lua_call(L, 1, 1);
}

static int fill(lua_State *L) {
  engine_set_up(L);
  require(L, "luvisor.edge.guest");
  require(L, "luvisor.edge.guest.ahead");
  lua_getfield(L, -1, "load");
  lua_call(L, 0, 0);
  return 0;
}

static const struct mould *find_mould(void) {
  char problem[MOULD_PROBLEM];
  const char *other = getenv("LUVISOR_LUA");
  if (!(other && *other) && !atomic_flag_test_and_set(&was_begun))
    atomic_store(&mould, mould_new(fill, problem));
  return atomic_load(&mould);
}

static int open_engine(struct engine *engine) {
  const struct mould *from = find_mould();
  return from ? engine_pour(engine, DEADLINE_FEW_BITS, from)
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
