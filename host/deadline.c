/* SPDX-License-Identifier: Apache-2.0 */
/* Deadline: the wheel. See deadline.h.
 *
 * Ticks are read as groups of 6 bits. A deadline lies at the level of the highest group in
 * which its tick differs from the wheel's, in the slot which that group names. So all
 * deadlines of one level are due before those of the next, and the first occupied slot of
 * the lowest occupied level is always the next to look at. When the wheel reaches the start
 * of a slot above level 0, the slot's deadlines move to finer levels. */
#include "deadline.h"

#include <stddef.h>

enum { GROUP_BITS = 6 };

static struct deadline *head_of(struct deadline_slot *slot) {
  return (struct deadline *)slot; /* the two links come first in both */
}

static unsigned level_of(uint64_t tick, uint64_t now) {
  uint64_t differs = tick ^ now;
  return differs ? (63 - (unsigned)__builtin_clzll(differs)) / GROUP_BITS : 0;
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
  unsigned level = level_of(deadline->due, wheel->now);
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

/* The next slot that holds something: its level and number, and the tick it starts at. */
static bool find_next(struct deadline_wheel *wheel, unsigned *level, unsigned *slot,
                      uint64_t *start) {
  for (unsigned l = 0; l < DEADLINE_LEVELS; l++) {
    while (wheel->occupied[l]) {
      unsigned s = (unsigned)__builtin_ctzll(wheel->occupied[l]);
      struct deadline *head = head_of(&wheel->slots[l][s]);
      if (head->next == head) {
        wheel->occupied[l] &= ~(UINT64_C(1) << s);
        continue;
      }
      unsigned above = GROUP_BITS * (l + 1); /* at most 60 */
      uint64_t base = wheel->now >> above << above;
      *level = l;
      *slot = s;
      *start = base | (uint64_t)s << (GROUP_BITS * l);
      return true;
    }
  }
  return false;
}

uint64_t deadline_next(struct deadline_wheel *wheel) {
  unsigned level, slot;
  uint64_t start;
  return find_next(wheel, &level, &slot, &start) ? start : UINT64_MAX;
}

/* Moves a slot's deadlines to [list], so that what is armed meanwhile is not met again. */
static void take_slot(struct deadline_wheel *wheel, unsigned level, unsigned slot,
                      struct deadline *list) {
  struct deadline *head = head_of(&wheel->slots[level][slot]);
  list->next = head->next;
  list->prev = head->prev;
  list->next->prev = list->prev->next = list;
  head->next = head->prev = head;
  wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

void deadline_advance(struct deadline_wheel *wheel, uint64_t now,
                      void (*expired)(struct deadline *deadline, void *context),
                      void *context) {
  unsigned level, slot;
  uint64_t start;
  wheel->advancing = true;
  while (find_next(wheel, &level, &slot, &start) && start <= now) {
    struct deadline list;
    wheel->now = start;
    take_slot(wheel, level, slot, &list);
    while (list.next != &list) {
      struct deadline *deadline = list.next;
      deadline_cancel(deadline);
      if (level == 0)
        expired(deadline, context);
      else
        place(wheel, deadline);
    }
  }
  wheel->advancing = false;
  if (now > wheel->now) wheel->now = now;
}
