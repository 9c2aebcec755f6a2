/* SPDX-License-Identifier: Apache-2.0 */
/* Nursery: see nursery.h. A hash of chains by pid. Thread: loop. */
#include "process/nursery.h"

#include <stdlib.h>

enum { BUCKETS = 1024 };

struct nursery {
  struct census *census;
  struct deathwatches *watches;
  struct nursery_entry *buckets[BUCKETS];
};

static bool owns(const void *nursery, pid_t pid) {
  return nursery_owns(nursery, pid);
}

struct kin_owner nursery_owner(const struct nursery *nursery) {
  return (struct kin_owner){owns, nursery};
}

struct nursery *nursery_new(uv_loop_t *loop) {
  struct nursery *nursery = calloc(1, sizeof *nursery);
  if (!nursery) return NULL;
  struct kin_owner owner = nursery_owner(nursery);
  nursery->census = census_new(loop, &owner);
  nursery->watches = deathwatches_new(loop);
  if (nursery->census && nursery->watches) return nursery;
  census_free(nursery->census);
  deathwatches_free(nursery->watches);
  free(nursery);
  return NULL;
}

struct deathwatches *nursery_watches(const struct nursery *nursery) {
  return nursery->watches;
}

struct census *nursery_census(const struct nursery *nursery) {
  return nursery->census;
}

static struct nursery_entry *const *bucket_of(const struct nursery *nursery, pid_t pid) {
  return &nursery->buckets[(unsigned)pid % BUCKETS];
}

void nursery_add(struct nursery *nursery, struct nursery_entry *entry) {
  struct nursery_entry **bucket = &nursery->buckets[(unsigned)entry->pid % BUCKETS];
  entry->next = *bucket;
  *bucket = entry;
}

void nursery_remove(struct nursery *nursery, struct nursery_entry *entry) {
  struct nursery_entry **link = &nursery->buckets[(unsigned)entry->pid % BUCKETS];
  while (*link && *link != entry) link = &(*link)->next;
  if (*link) *link = entry->next;
}

bool nursery_owns(const struct nursery *nursery, pid_t pid) {
  const struct nursery_entry *entry = *bucket_of(nursery, pid);
  while (entry && entry->pid != pid) entry = entry->next;
  return entry != NULL;
}

static void release_all(struct nursery *nursery, size_t bucket) {
  struct nursery_entry *entry;
  while ((entry = nursery->buckets[bucket]) != NULL) {
    nursery->buckets[bucket] = entry->next;
    entry->release(entry);
  }
}

void nursery_free(struct nursery *nursery) {
  if (!nursery) return;
  for (size_t i = 0; i < BUCKETS; i++) release_all(nursery, i);
  census_free(nursery->census);
  deathwatches_free(nursery->watches);
  free(nursery);
}
