/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of host.mailbox share: mailbox.c, mailbox_send.c for requests that are
 * sent, and mailbox_serve.c for what is done with them. Thread: the runtime's. */
#pragma once
#include <lua.h>

#include "message/codec.h"
#include "message/mailbox.h"
#include "message/names.h"

enum { BOX = 2, STORE }; /* where functions of both have the userdata and its table */

/* What Lua does: due(instance), letter(instance, letter), unknown(instance, letter),
 * conclude(instance, letter, deferred, results...); each -> event or nil. */
enum slow { SLOW_DUE, SLOW_LETTER, SLOW_UNKNOWN, SLOW_CONCLUDE, SLOWS };

/* Upvalue 1 of all functions; its user values are the routes: target -> mailbox, and
 * target -> line (see link_calls.h). */
enum { OFFICE_ROUTES = 1, OFFICE_LINES };

struct office {
  struct codec_buffer frame; /* for what goes to another runtime */
  struct names names;
  int slow[SLOWS]; /* references */
  int queue;       /* reference: the key "_queue" */
  int routes;      /* so many */
  const void *postpone;
  const void *target;  /* of the last cast, while it is a route; else NULL */
  struct mailbox *box; /* where it leads */
};

struct office *api_office(lua_State *L);

/* Pushes the state's office, or nil. */
struct office *api_find_office(lua_State *L);

/* The methods of workers: call(self, target, name, ...), and cast of the same. */
int api_call(lua_State *L);
int api_cast(lua_State *L);

/* Looks up what a worker's `self` does not have: in the table that is upvalue 1, where
 * `stopping` is true, or by the function that is upvalue 2. */
int api_index(lua_State *L);

/* Puts a request that has come from another runtime into the mailbox of the address, if
 * that is known here and takes it the short way. */
bool api_take_request(lua_State *L, const struct codec_text *address,
                      const struct codec_input *in, struct request *request);

/* Pushes a letter as Lua makes them, of the request that is being served. */
void api_push_letter(lua_State *L, const struct mailbox *box);

/* serve(instance) -> event, "keepalive" for none; it waits where the handlers wait */
int api_serve(lua_State *L);
