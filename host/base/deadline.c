/* SPDX-License-Identifier: Apache-2.0 */
/* Deadline: the wheel. See deadline.h.
 *
 * A few deadlines are a list that is looked through; what follows is for many. What is due
 * within as many ticks as there are near slots lies in that of its tick, so most deadlines
 * are touched twice only: when armed and when due. Those further ahead lie in levels of 64
 * slots; a slot of the first level is a round of the near ones, and each further level has
 * slots 64 times as long. A deadline lies at the level of its distance, in the slot that
 * its tick falls into. When the wheel reaches the start of a slot, the slot's deadlines
 * move to finer ones, so at most one slot's worth moves at a time. A slot of a level that
 * bears the wheel's own number is a whole round ahead. */
#include "base/deadline.h"

#include <stddef.h>
#include <stdlib.h>

enum { GROUP_BITS = 6, SLOTS = 1 << GROUP_BITS, LEVELS = 8, FEW = 16 };

struct deadline_table {
  uint64_t near_groups; /* which words of near_occupied are not zero */
  uint64_t near_occupied[(1 << DEADLINE_MOST_BITS) / SLOTS];
  uint64_t occupied[LEVELS];
  struct deadline_slot slots[LEVELS][SLOTS];
  struct deadline_slot near[]; /* one a tick */
};

static void clear(struct deadline_slot *slot) {
  slot->next = slot->prev = (struct deadline *)slot; /* the links come first in both */
}

static bool is_empty(const struct deadline_slot *slot) {
  return slot->next == (const struct deadline *)slot;
}

/* log2 of the ticks in a slot of a level */
static unsigned bits_of(const struct deadline_wheel *wheel, unsigned level) {
  return wheel->near_bits + GROUP_BITS * level;
}

static unsigned level_of(const struct deadline_wheel *wheel, uint64_t distance) {
  return (63 - (unsigned)__builtin_clzll(distance) - wheel->near_bits) / GROUP_BITS;
}

static unsigned slot_of(const struct deadline_wheel *wheel, uint64_t tick,
                        unsigned level) {
  return (tick >> bits_of(wheel, level)) & (SLOTS - 1);
}

static unsigned near_count(const struct deadline_wheel *wheel) {
  return 1u << wheel->near_bits;
}

static unsigned near_of(const struct deadline_wheel *wheel, uint64_t tick) {
  return tick & (near_count(wheel) - 1);
}

void deadline_wheel_init(struct deadline_wheel *wheel, unsigned near_bits, uint64_t now) {
  *wheel = (struct deadline_wheel){.now = now, .near_bits = near_bits};
  clear(&wheel->few);
}

void deadline_wheel_free(struct deadline_wheel *wheel) {
  free(wheel->table);
}

bool deadline_is_armed(const struct deadline *deadline) {
  return deadline->next != NULL;
}

void deadline_cancel(struct deadline *deadline) {
  if (!deadline->next) return;
  deadline->prev->next = deadline->next;
  deadline->next->prev = deadline->prev;
  deadline->next = deadline->prev = NULL; /* an emptied slot's bit is cleared when met */
}

static void append(struct deadline_slot *slot, struct deadline *deadline) {
  deadline->next = (struct deadline *)slot;
  deadline->prev = slot->prev;
  slot->prev->next = deadline;
  slot->prev = deadline;
}

static void place_in_table(struct deadline_wheel *wheel, struct deadline *deadline) {
  struct deadline_table *table = wheel->table;
  uint64_t distance = deadline->due - wheel->now;
  if (distance < near_count(wheel)) {
    unsigned slot = near_of(wheel, deadline->due);
    append(&table->near[slot], deadline);
    table->near_occupied[slot / 64] |= UINT64_C(1) << slot % 64;
    table->near_groups |= UINT64_C(1) << slot / 64;
    return;
  }
  unsigned level = level_of(wheel, distance);
  unsigned slot = slot_of(wheel, deadline->due, level);
  append(&table->slots[level][slot], deadline);
  table->occupied[level] |= UINT64_C(1) << slot;
}

/* What was cancelled meanwhile is found out only when there seem to be too many. */
static bool are_few(struct deadline_wheel *wheel) {
  if (wheel->most < FEW) return true;
  wheel->most = 0;
  const struct deadline *end = (const struct deadline *)&wheel->few;
  for (const struct deadline *at = wheel->few.next; at != end; at = at->next)
    wheel->most++;
  return wheel->most < FEW;
}

/* Without memory for a table they stay a list. */
static bool make_table(struct deadline_wheel *wheel) {
  struct deadline_table *table =
      calloc(1, sizeof *table + near_count(wheel) * sizeof *table->near);
  if (!table) return false;
  for (unsigned slot = 0; slot < near_count(wheel); slot++) clear(&table->near[slot]);
  for (unsigned level = 0; level < LEVELS; level++)
    for (unsigned slot = 0; slot < SLOTS; slot++) clear(&table->slots[level][slot]);
  wheel->table = table;
  while (!is_empty(&wheel->few)) {
    struct deadline *first = wheel->few.next;
    deadline_cancel(first);
    place_in_table(wheel, first);
  }
  return true;
}

static void place(struct deadline_wheel *wheel, struct deadline *deadline) {
  if (wheel->table || (!are_few(wheel) && make_table(wheel))) {
    place_in_table(wheel, deadline);
    return;
  }
  append(&wheel->few, deadline);
  wheel->most++;
}

void deadline_arm(struct deadline_wheel *wheel, struct deadline *deadline, uint64_t due) {
  /* what a callback arms for "now" waits a tick, or advancing might never end */
  uint64_t earliest = wheel->now + (wheel->advancing ? 1 : 0);
  deadline_cancel(deadline);
  if (due < earliest) due = earliest;
  deadline->due = due < DEADLINE_FAR ? due : DEADLINE_FAR;
  place(wheel, deadline);
}

/* ---- what comes next ---- */

/* The first near slot from [first] on that is marked, or their number. */
static unsigned find_near(const struct deadline_wheel *wheel, unsigned first) {
  unsigned group = first / 64;
  uint64_t marked = wheel->table->near_occupied[group] & ~UINT64_C(0) << first % 64;
  if (!marked) {
    uint64_t groups = wheel->table->near_groups & ~UINT64_C(0) << group << 1;
    if (!groups) return near_count(wheel);
    group = (unsigned)__builtin_ctzll(groups);
    marked = wheel->table->near_occupied[group];
  }
  return group * 64 + (unsigned)__builtin_ctzll(marked);
}

static void unmark_near(struct deadline_wheel *wheel, unsigned slot) {
  uint64_t *marked = &wheel->table->near_occupied[slot / 64];
  *marked &= ~(UINT64_C(1) << slot % 64);
  if (!*marked) wheel->table->near_groups &= ~(UINT64_C(1) << slot / 64);
}

/* The tick of the next occupied near slot, or UINT64_MAX. */
static uint64_t next_near(struct deadline_wheel *wheel) {
  unsigned here = near_of(wheel, wheel->now), none = near_count(wheel);
  for (;;) {
    unsigned slot = find_near(wheel, here);
    if (slot == none) slot = find_near(wheel, 0);
    if (slot == none) return UINT64_MAX;
    if (!is_empty(&wheel->table->near[slot]))
      return wheel->now + near_of(wheel, slot - here);
    unmark_near(wheel, slot);
  }
}

static uint64_t rotate_right(uint64_t bits, unsigned count) {
  return bits >> count | bits << (-count & 63);
}

/* The tick at which the next occupied slot of a level starts, or UINT64_MAX. */
static uint64_t next_of_level(struct deadline_wheel *wheel, unsigned level) {
  unsigned after = slot_of(wheel, wheel->now, level) + 1; /* the wheel's own comes last */
  while (wheel->table->occupied[level]) {
    uint64_t ahead = rotate_right(wheel->table->occupied[level], after & 63);
    unsigned distance = (unsigned)__builtin_ctzll(ahead) + 1;
    unsigned slot = (after - 1 + distance) & (SLOTS - 1);
    if (!is_empty(&wheel->table->slots[level][slot]))
      return ((wheel->now >> bits_of(wheel, level)) + distance) << bits_of(wheel, level);
    wheel->table->occupied[level] &= ~(UINT64_C(1) << slot);
  }
  return UINT64_MAX;
}

static uint64_t next_of_few(const struct deadline_wheel *wheel) {
  const struct deadline *end = (const struct deadline *)&wheel->few;
  uint64_t next = UINT64_MAX;
  for (const struct deadline *at = wheel->few.next; at != end; at = at->next)
    if (at->due < next) next = at->due;
  return next;
}

uint64_t deadline_next(struct deadline_wheel *wheel) {
  if (!wheel->table) return next_of_few(wheel);
  uint64_t next = next_near(wheel);
  for (unsigned level = 0; level < LEVELS; level++) {
    uint64_t start = next_of_level(wheel, level);
    if (start < next) next = start;
  }
  return next;
}

/* ---- advancing ---- */

/* Moves a slot's deadlines to [list], so that what is armed meanwhile is not met again. */
static void take_all(struct deadline_slot *slot, struct deadline_slot *list) {
  clear(list);
  if (is_empty(slot)) return;
  *list = *slot;
  list->next->prev = list->prev->next = (struct deadline *)list;
  clear(slot);
}

static struct deadline *take_first(struct deadline_slot *list) {
  if (is_empty(list)) return NULL;
  struct deadline *first = list->next;
  __builtin_prefetch(first->next);
  deadline_cancel(first);
  return first;
}

/* At the start of slots of the levels: their deadlines move to finer ones. */
static void refine(struct deadline_wheel *wheel) {
  struct deadline_slot list;
  struct deadline *deadline;
  for (unsigned level = LEVELS; level-- > 0;) {
    uint64_t within = (UINT64_C(1) << bits_of(wheel, level)) - 1;
    if (wheel->now & within) continue;
    take_all(&wheel->table->slots[level][slot_of(wheel, wheel->now, level)], &list);
    while ((deadline = take_first(&list))) place(wheel, deadline);
  }
}

static void take_from_few(struct deadline_wheel *wheel, struct deadline_slot *list) {
  clear(list);
  for (struct deadline *next, *at = wheel->few.next; at != (struct deadline *)&wheel->few;
       at = next) {
    next = at->next;
    if (at->due > wheel->now) continue;
    deadline_cancel(at);
    append(list, at);
  }
}

/* Moves what is due at the wheel's tick to [list]. */
static void take_due(struct deadline_wheel *wheel, struct deadline_slot *list) {
  if (!wheel->table) {
    take_from_few(wheel, list);
    return;
  }
  refine(wheel);
  take_all(&wheel->table->near[near_of(wheel, wheel->now)], list);
}

void deadline_advance(struct deadline_wheel *wheel, uint64_t now,
                      void (*expired)(struct deadline *deadline, void *context),
                      void *context) {
  struct deadline_slot list;
  struct deadline *deadline;
  wheel->advancing = true;
  for (uint64_t next; (next = deadline_next(wheel)) <= now;) {
    wheel->now = next;
    take_due(wheel, &list);
    while ((deadline = take_first(&list))) expired(deadline, context);
  }
  wheel->advancing = false;
  if (now > wheel->now) wheel->now = now;
}

/* ---- a row ---- */

void deadline_row_init(struct deadline_row *row) {
  clear(&row->slot);
  row->next = UINT64_MAX;
}

static void put(struct deadline_row *row, struct deadline *deadline) {
  append(&row->slot, deadline);
  if (deadline->due < row->next) row->next = deadline->due;
}

void deadline_row_arm(struct deadline_row *row, struct deadline *deadline, uint64_t due) {
  deadline_cancel(deadline);
  deadline->due = due < DEADLINE_FAR ? due : DEADLINE_FAR;
  put(row, deadline);
}

void deadline_row_advance(struct deadline_row *row, uint64_t now,
                          void (*expired)(struct deadline *deadline, void *context),
                          void *context) {
  struct deadline_slot list;
  struct deadline *deadline;
  if (now < row->next) return;
  take_all(&row->slot, &list);
  row->next = UINT64_MAX;
  while ((deadline = take_first(&list)))
    if (deadline->due <= now)
      expired(deadline, context);
    else
      put(row, deadline);
}

uint64_t deadline_row_next(const struct deadline_row *row) {
  return is_empty(&row->slot) ? UINT64_MAX : row->next;
}
