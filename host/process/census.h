/* SPDX-License-Identifier: Apache-2.0 */
/* Census: who of a session is alive, found by one walk over /proc for many askers.
 *
 * Questions put within one turn of the loop are answered by the same walk, and a walk
 * holds the loop for about a millisecond a turn however many processes the machine has:
 * 500 programs that stop at once cost one walk. /proc is read a few names at a time: the
 * kernel makes two objects for each. A member cannot hide a child by forking
 * while it is looked for: pids go up as the walk does, and whoever sees a member alive
 * asks again when that member has died.
 * A process group lies within one session, so asking for a session covers its groups.
 * Who has left the session is known by its mark. Reading marks takes its time, so a walk
 * does it only when there are orphans, and for sessions that nobody owns.
 * Whoever is left of a program when its leader is dead descends from an orphan: where
 * there is none, no walk is needed to answer for those whose leaders are dead. To look for
 * orphans among very many children takes a while, in which nobody can die; so the next
 * walk is then a few milliseconds later.
 * Owns a descriptor of /proc opened once, so that a full fd table does not blind it.
 * Thread: loop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "process/kin.h"

struct census;

/* One question, embedded in the asker, which sets the first seven. A sid of 0 finds
 * nobody. */
struct census_query {
  pid_t sid;
  const char *mark; /* NULL: only the session counts */
  bool far;         /* members need not descend from the host: marks are always read */
  bool headless;    /* its leader, a child of the host, is dead */
  void (*found)(struct census_query *query, pid_t pid); /* each member, zombies too */
  void (*done)(struct census_query *query, int error);  /* the walk is over */
  void *data;                                           /* the asker's */
  struct census *census;                                /* not NULL while it is open */
  struct census_query *next, **link;                    /* in the list that it is in */
  bool begun;                                           /* its walk is under way */
};

/* Returns owned a census on [loop], NULL when out of memory; [owner] is copied. Where there
 * is no /proc, every question is answered with the error; one with a mark with UV_EAGAIN
 * when one could not be read. Thread: loop. */
struct census *census_new(uv_loop_t *loop, const struct kin_owner *owner);

/* How long a walk may hold the loop, in place of a millisecond. Thread: loop. */
void census_set_slice(struct census *census, uint64_t ns);

/* Borrows [query] until it is answered; answers come in a later turn of the loop, never
 * from inside this call. One whose walk has begun starts anew. Cannot fail: who stops a
 * program must come to know that it is gone, out of memory or not. Thread: loop. */
void census_ask(struct census *census, struct census_query *query);

/* As census_ask, a tenth of a second later, unless it is open already. Thread: loop. */
void census_ask_later(struct census *census, struct census_query *query);

/* Drops [query] without an answer; fine when it is not open. Thread: loop. */
void census_forget(struct census_query *query);

/* Takes it down: open questions are dropped, the memory goes when the loop has closed
 * its handles. Thread: loop. */
void census_free(struct census *census);
