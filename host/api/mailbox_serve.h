/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of host.mailbox share: mailbox.c, and mailbox_serve.c for what is
 * done with requests. Thread: the runtime's. */
#pragma once
#include <lua.h>

#include "message/mailbox.h"

enum { BOX = 2, STORE }; /* where functions of both have the userdata and its table */

/* What Lua does: due(instance), letter(instance, letter), unknown(instance, letter),
 * conclude(instance, letter, deferred, results...); each -> event or nil. */
enum slow { SLOW_DUE, SLOW_LETTER, SLOW_UNKNOWN, SLOW_CONCLUDE, SLOWS };

/* Upvalue 1 of all functions; its user value are the routes: target -> mailbox. */
struct office {
  int slow[SLOWS]; /* references */
  int queue;       /* reference: the key "_queue" */
  int routes;      /* so many */
  const void *postpone;
};

struct office *api_office(lua_State *L);

/* Pushes a letter as Lua makes them, of the request that is being served. */
void api_push_letter(lua_State *L, const struct mailbox *box);

/* serve(instance) -> event, "keepalive" for none; it waits where the handlers wait */
int api_serve(lua_State *L);
