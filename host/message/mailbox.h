/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox: the requests that wait for one worker, in their order: calls and casts of its
 * own runtime, whose few values lie side by side in one table, and letters, which are
 * tables made elsewhere. It lives in a userdata, which has the values. Thread: the
 * runtime's. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

enum { MAILBOX_VALUES = 4 }; /* of a request that is no letter */
enum { MAILBOX_SHORT = 40 }; /* bytes of a string that exists only once in a Lua state */

/* The user values of the userdata; HOT and the next are the handlers found last. */
enum mailbox_part { MAILBOX_STORE = 1, MAILBOX_UNIT, MAILBOX_SPEC, MAILBOX_HOT };
enum { MAILBOX_PARTS = MAILBOX_HOT + 1 };

enum request_kind { REQUEST_CAST, REQUEST_CALL, REQUEST_LETTER };

struct request {
  uint64_t caller; /* the task that waits for the answer of a call, */
  uint32_t wait;   /* and the number of its wait */
  uint8_t kind;
  uint8_t values;
  bool far; /* of another runtime: the link's number is in [wait], its own in [caller] */
  bool clean; /* of the values, only the first could keep anything alive: its name */
};

struct mailbox {
  struct request *requests; /* owned: a ring of [room] places, a power of two */
  uint32_t room;
  uint32_t first;
  uint32_t waiting;
  uint32_t count; /* letters of any kind that take up room, */
  uint32_t limit; /* of so many */
  uint64_t received;
  uint64_t task;         /* handle of the worker's */
  uint64_t timeout;      /* ns, of a call to it */
  struct request served; /* while [serving]; its values are still in their place */
  bool serving;
  bool deferred; /* its answer comes later */
  bool noted;    /* an event was set for after it */
  bool due;      /* an event is to be taken before any request */
  bool watched;  /* somebody wants to see each letter */
  bool closed;
  uint32_t batch;           /* requests served in this turn, */
  uint32_t look;            /* at how many of which to look at the clock, and which */
  uint64_t began;           /* began at that time, ns */
  const void *spec, *state; /* for which there are the hot handlers, */
  const void *hot[2];       /* of casts and calls of these names */
};

/* Frees what it owns; it is closed. */
void mailbox_close(struct mailbox *box);

/* Appends a request with its values, on the stack from [first] on; [store] is where the
 * table for values is. Raises out of memory, and then it has not come. */
void mailbox_append(lua_State *L, struct mailbox *box, int store,
                    const struct request *request, int first);

/* Takes the first request to be served; false when there is none. */
bool mailbox_begin(struct mailbox *box);

/* Pushes value [number] of the request that is served. */
void mailbox_push_value(lua_State *L, const struct mailbox *box, int store, int number);

/* The request that is served is done with. */
void mailbox_end(lua_State *L, struct mailbox *box, int store);
