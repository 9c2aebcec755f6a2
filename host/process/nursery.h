/* SPDX-License-Identifier: Apache-2.0 */
/* Nursery: every program that was launched here and has not been reaped yet.
 * Answers whose pid a zombie has, and lends its census to all. Owns the census; the
 * entries belong to whoever put them in. Thread: loop. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "process/census.h"
#include "process/deathwatch.h"

struct nursery;

/* A place in the nursery, embedded in the child. */
struct nursery_entry {
  pid_t pid;
  void (*release)(struct nursery_entry *entry); /* the nursery closes: let go of it */
  struct nursery_entry *next;
};

/* Returns owned an empty nursery on [loop], NULL when out of memory. Thread: loop. */
struct nursery *nursery_new(uv_loop_t *loop);

struct census *nursery_census(
    const struct nursery *nursery); /* borrowed. Thread: loop. */

/* Of all leaders and members, borrowed. Thread: loop. */
struct deathwatches *nursery_watches(const struct nursery *nursery);

/* Borrows [entry] until nursery_remove. Thread: loop. */
void nursery_add(struct nursery *nursery, struct nursery_entry *entry);

/* Lets [entry] go; fine when it is not there. Thread: loop. */
void nursery_remove(struct nursery *nursery, struct nursery_entry *entry);

/* Is [pid] one of ours, alive or waiting to be reaped? Thread: loop. */
bool nursery_owns(const struct nursery *nursery, pid_t pid);

/* The same question, for who does not know a nursery. Thread: loop. */
struct kin_owner nursery_owner(const struct nursery *nursery);

/* Releases all entries and takes it down. Programs are neither killed nor reaped.
 * Thread: loop. */
void nursery_free(struct nursery *nursery);
