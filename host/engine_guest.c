/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_guest.h. */
#include "engine_guest.h"

#include <lua.h>
#include <stdlib.h>

#include "api/links.h"
#include "base/deadline.h"
#include "base/embedded.h"
#include "engine.h"
#include "executor/guest.h"
#include "executor/runtime.h"
#include "vm/vm.h"

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
  if (engine && engine_open(engine, DEADLINE_FEW_BITS) == 0) {
    run(engine, guest);
    closed = engine_close(engine);
  }
  if (closed) free(engine);
}
