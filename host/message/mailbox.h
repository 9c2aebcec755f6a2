/* SPDX-License-Identifier: Apache-2.0 */
/* Mailbox: the requests that wait for one worker, in their order: calls and casts of its
 * own runtime, whose few values lie side by side in one table, and letters, which are
 * tables made elsewhere. It lives in a userdata, which has the values. Thread: the
 * runtime's. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct names;

enum { MAILBOX_VALUES = 4 }; /* of a request that is no letter: its name, and others */

/* The user values of the userdata; HOT and the next are the handlers found last. */
enum mailbox_part { MAILBOX_STORE = 1, MAILBOX_UNIT, MAILBOX_SPEC, MAILBOX_HOT };
enum { MAILBOX_PARTS = MAILBOX_HOT + 1 };

enum request_kind { REQUEST_CAST, REQUEST_CALL, REQUEST_LETTER };

union plain {
  lua_Integer integer;
  lua_Number number;
  int boolean;
};

struct request {
  uint64_t caller; /* the task that waits for the answer of a call, */
  uint32_t wait;   /* and the number of its wait */
  uint8_t kind;
  uint8_t values;
  uint8_t name; /* its number; 0 where the values are in the table */
  bool far; /* of another runtime: the link's number is in [wait], its own in [caller] */
  uint8_t
      types[MAILBOX_VALUES - 1]; /* of the values after the name, if it has a number */
  union plain plain[MAILBOX_VALUES - 1];
};

struct mailbox {
  struct request *requests; /* owned: a ring of [room] places, a power of two */
  struct names *names;      /* borrowed */
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
  bool tabled;              /* the table has room for the values of all places */
  uint32_t batch;           /* requests served in this turn, */
  uint32_t look;            /* at how many of which to look at the clock, and which */
  uint64_t began;           /* began at that time, ns */
  const void *spec, *state; /* for which there are the hot handlers, */
  uint8_t hot[2];           /* of casts and calls of these names, */
  bool at_hand[2];          /* which serve has on its stack */
};

/* Frees what it owns; it is closed. */
void mailbox_close(struct mailbox *box);

/* Takes the values of a request from the stack from [first] on, if none is an object but a
 * name that is known. */
bool mailbox_pack(lua_State *L, const struct mailbox *box, struct request *request,
                  int first);

/* Whether the table is needed to append a request. */
static inline bool mailbox_needs_store(const struct mailbox *box,
                                       const struct request *request) {
  return !request->name || (box->tabled && box->waiting + box->serving >= box->room);
}

/* Appends a request; the values of one that is not packed are on the stack from [first] on,
 * and [store] is where the table for them is, if it is needed. Raises out of memory, and then
 * it has not come. */
void mailbox_append(lua_State *L, struct mailbox *box, int store,
                    const struct request *request, int first);

/* Takes the first request to be served; false when there is none. */
bool mailbox_begin(struct mailbox *box);

/* Pushes value [number] of the request that is served. */
void mailbox_push_value(lua_State *L, const struct mailbox *box, int store, int number);

/* The request that is served is done with. */
void mailbox_end(lua_State *L, struct mailbox *box, int store);
