/* SPDX-License-Identifier: Apache-2.0 */
/* Host: see host.h. */
#include "host.h"

#include <lua.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "base/embedded.h"
#include "base/files.h"
#include "base/schedule.h"
#include "engine.h"
#include "engine_guest.h"
#include "executor/guest.h"
#include "executor/runtime.h"
#include "output/writer.h"
#include "vm/vm.h"

/* What loading the library and a script may take before the collector begins its first
 * round, in which it would find little. */
enum { LOADING_KB = 1024 };

enum { GUESTS_MS = 50 };

struct host {
  struct engine engine;
};

static void on_continue(int signal) {
  (void)signal;
  schedule_note_continue();
}

static void set_signals(void) {
  struct sigaction action = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &action, NULL);
  action.sa_handler = on_continue;
  action.sa_flags = SA_RESTART;
  sigaction(SIGCONT, &action, NULL);
}

int host_new(struct host **out) {
  struct host *host = calloc(1, sizeof *host);
  if (!host) return UV_ENOMEM;
  int r = engine_open(&host->engine, DEADLINE_MOST_BITS);
  if (r == 0 && (r = runtime_open_loop(host->engine.runtime)) < 0)
    engine_close(&host->engine);
  if (r < 0) {
    free(host);
    return r;
  }
  set_signals();
  files_raise_limit();
  lua_gc(host->engine.vm->L, LUA_GCSTEP, -LOADING_KB);
  mallopt(M_MXFAST, 0); /* a free never has to merge all that was freed before it */
  guest_set_main(engine_guest);
  *out = host;
  return 0;
}

/* Of a guest, `luvisor guest INPUT OUTPUT PULSE SHELF`: what it begins with is unpacked
 * already. */
static const char *choose_main(int argc, char **argv) {
  enum { SHELF = 5 };
  if (argc < 2 || strcmp(argv[1], "guest") != 0) return "luvisor.edge.cli";
  int fd = argc > SHELF ? atoi(argv[SHELF]) : -1;
  if (fd > STDERR_FILENO) {
    embedded_use_shelf(fd);
    close(fd);
  }
  return "luvisor.edge.guest.process";
}

int host_run(struct host *host, int argc, char **argv) {
  lua_State *L = host->engine.vm->L;
  lua_createtable(L, argc, 0);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
  int code = engine_main(&host->engine, choose_main(argc, argv));
  if (code >= 0) return code;
  engine_run(&host->engine);
  return api_exit_code(L);
}

/* Those that were told nothing yet end at once when the engine is closed. */
static bool have_guests_ended(void) {
  for (int ms = 0; guests_living() > 0; ms++) {
    if (ms == GUESTS_MS) return false;
    usleep(1000);
  }
  return true;
}

bool host_free(struct host *host) {
  bool closed = engine_close(&host->engine);
  writer_stop(ENGINE_FLUSH_MS);
  if (closed) free(host);
  return have_guests_ended() && closed;
}
