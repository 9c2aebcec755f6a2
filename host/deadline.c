/* SPDX-License-Identifier: Apache-2.0 */
/* Deadline: the wheel. See deadline.h.
 *
 * Level l has 64 slots of 64^l ticks each. A deadline lies at the level of its distance:
 * less than 64 ticks ahead at level 0, less than 64^2 at level 1, and so on, in the slot
 * that its tick falls into. When the wheel reaches the start of a slot above level 0, the
 * slot's deadlines move to finer levels, so at most one slot's worth moves at a time. A
 * slot of a higher level that bears the wheel's own number is a whole round ahead. */
#include "deadline.h"

#include <stddef.h>

enum { GROUP_BITS = 6 };

static struct deadline *head_of(struct deadline_slot *slot) {
  return (struct deadline *)slot; /* the two links come first in both */
}

static unsigned level_of(uint64_t distance) {
  return distance ? (63 - (unsigned)__builtin_clzll(distance)) / GROUP_BITS : 0;
}

static unsigned slot_of(uint64_t tick, unsigned level) {
  return (tick >> (GROUP_BITS * level)) & (DEADLINE_SLOTS - 1);
}

void deadline_wheel_init(struct deadline_wheel *wheel, uint64_t now) {
  wheel->now = now;
  wheel->advancing = false;
  for (unsigned level = 0; level < DEADLINE_LEVELS; level++) {
    wheel->occupied[level] = 0;
    for (unsigned slot = 0; slot < DEADLINE_SLOTS; slot++) {
      struct deadline *head = head_of(&wheel->slots[level][slot]);
      head->next = head->prev = head;
    }
  }
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

static void place(struct deadline_wheel *wheel, struct deadline *deadline) {
  unsigned level = level_of(deadline->due - wheel->now);
  unsigned slot = slot_of(deadline->due, level);
  struct deadline *head = head_of(&wheel->slots[level][slot]);
  deadline->next = head;
  deadline->prev = head->prev;
  head->prev->next = deadline;
  head->prev = deadline;
  wheel->occupied[level] |= UINT64_C(1) << slot;
}

void deadline_arm(struct deadline_wheel *wheel, struct deadline *deadline, uint64_t due) {
  /* what a callback arms for "now" waits a tick, or advancing might never end */
  uint64_t earliest = wheel->now + (wheel->advancing ? 1 : 0);
  deadline_cancel(deadline);
  if (due < earliest) due = earliest;
  deadline->due = due < DEADLINE_FAR ? due : DEADLINE_FAR;
  place(wheel, deadline);
}

static uint64_t rotate_right(uint64_t bits, unsigned count) {
  return bits >> count | bits << (-count & 63);
}

/* The tick at which the next occupied slot of a level starts, or UINT64_MAX. */
static uint64_t next_of_level(struct deadline_wheel *wheel, unsigned level) {
  unsigned here = slot_of(wheel->now, level);
  unsigned first = level > 0; /* from the next slot on, the wheel's own as the last */
  while (wheel->occupied[level]) {
    uint64_t ahead = rotate_right(wheel->occupied[level], (here + first) & 63);
    unsigned distance = (unsigned)__builtin_ctzll(ahead) + first;
    unsigned slot = (here + distance) & (DEADLINE_SLOTS - 1);
    struct deadline *head = head_of(&wheel->slots[level][slot]);
    if (head->next != head)
      return ((wheel->now >> (GROUP_BITS * level)) + distance) << (GROUP_BITS * level);
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
  }
  return UINT64_MAX;
}

uint64_t deadline_next(struct deadline_wheel *wheel) {
  uint64_t next = UINT64_MAX;
  for (unsigned level = 0; level < DEADLINE_LEVELS; level++) {
    uint64_t start = next_of_level(wheel, level);
    if (start < next) next = start;
  }
  return next;
}

/* Moves a slot's deadlines to [list], so that what is armed meanwhile is not met again. */
static void take_slot(struct deadline_wheel *wheel, unsigned level, unsigned slot,
                      struct deadline *list) {
  struct deadline *head = head_of(&wheel->slots[level][slot]);
  list->next = list->prev = list;
  if (head->next == head) return;
  list->next = head->next;
  list->prev = head->prev;
  list->next->prev = list->prev->next = list;
  head->next = head->prev = head;
  wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* At the start of slots above level 0: their deadlines move to finer levels. */
static void refine(struct deadline_wheel *wheel) {
  for (unsigned level = DEADLINE_LEVELS - 1; level > 0; level--) {
    struct deadline list;
    uint64_t within = (UINT64_C(1) << (GROUP_BITS * level)) - 1;
    if (wheel->now & within) continue;
    take_slot(wheel, level, slot_of(wheel->now, level), &list);
    while (list.next != &list) {
      struct deadline *deadline = list.next;
      deadline_cancel(deadline);
      place(wheel, deadline);
    }
  }
}

void deadline_advance(struct deadline_wheel *wheel, uint64_t now,
                      void (*expired)(struct deadline *deadline, void *context),
                      void *context) {
  wheel->advancing = true;
  for (uint64_t next; (next = deadline_next(wheel)) <= now;) {
    struct deadline list;
    wheel->now = next;
    refine(wheel);
    take_slot(wheel, 0, slot_of(next, 0), &list);
    while (list.next != &list) {
      struct deadline *deadline = list.next;
      deadline_cancel(deadline);
      expired(deadline, context);
    }
  }
  wheel->advancing = false;
  if (now > wheel->now) wheel->now = now;
}
