/* SPDX-License-Identifier: Apache-2.0 */
/* Deadline: points in time, kept in a hierarchical timing wheel of 1 ms ticks.
 *
 * A struct deadline is embedded in whatever waits (24 bytes). Arm, move and cancel are
 * O(1); finding what is due costs O(1) a deadline, however many are armed. The wheel knows
 * no clock: the caller passes the tick. It owns no deadline.
 * Thread: the one that owns the wheel. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct deadline {
  struct deadline *next; /* NULL while not armed */
  struct deadline *prev;
  uint64_t due : 56; /* tick at which it expires */
  uint64_t kind : 8; /* its owner's mark; the wheel passes it on untouched */
};

enum {
  DEADLINE_MOST_BITS = 12, /* 4096 near slots, 64 KiB: for very many deadlines */
  DEADLINE_FEW_BITS = 8    /* 4 KiB: for a few, which may be touched once more */
};
#define DEADLINE_FAR ((UINT64_C(1) << 56) - 1) /* the last tick there is */

/* Stands as a deadline in the ring of those in it, hence the attribute. */
struct __attribute__((may_alias)) deadline_slot {
  struct deadline *next;
  struct deadline *prev;
};

struct deadline_table;

struct deadline_wheel {
  uint64_t now;                 /* the tick up to which everything has expired */
  struct deadline_table *table; /* owned; NULL until there are many */
  struct deadline_slot few;     /* all that there are, until then */
  unsigned most;                /* not more than so many */
  unsigned near_bits;           /* log2 of the near slots in the table */
  bool advancing;
};

/* Sets up an empty wheel that stands at tick [now]; when it has many deadlines, it will
 * have 2^[near_bits] near slots. Thread: owner. */
void deadline_wheel_init(struct deadline_wheel *wheel, unsigned near_bits, uint64_t now);

/* Frees what the wheel has allocated. Thread: owner. */
void deadline_wheel_free(struct deadline_wheel *wheel);

/* Arms [deadline] for tick [due], or moves it there; a tick that has passed expires with
 * the next advance. Borrows the deadline until it expires or is cancelled. Thread: owner. */
void deadline_arm(struct deadline_wheel *wheel, struct deadline *deadline, uint64_t due);

/* Takes the deadline out; nothing happens when it is not armed. Thread: owner. */
void deadline_cancel(struct deadline *deadline);

/* Whether it waits in a wheel. Thread: owner. */
bool deadline_is_armed(const struct deadline *deadline);

/* Moves the wheel to tick [now] and calls [expired] for each deadline due by then, in the
 * order of their ticks; it is no longer armed when called, and the callback may arm and
 * cancel what it likes. Thread: owner. */
void deadline_advance(struct deadline_wheel *wheel, uint64_t now,
                      void (*expired)(struct deadline *deadline, void *context),
                      void *context);

/* The tick at which to advance next, UINT64_MAX when nothing is armed; it can be early
 * (the wheel then sorts far deadlines into finer slots), never late. Thread: owner. */
uint64_t deadline_next(struct deadline_wheel *wheel);

/* Deadlines that are due in a moment, in finer ticks of their own: so few, and for so short
 * a time, that all are looked at whenever the first is due. */
struct deadline_row {
  struct deadline_slot slot;
  uint64_t next; /* nothing is due before */
};

/* Sets up an empty row. Thread: owner. */
void deadline_row_init(struct deadline_row *row);

/* As deadline_arm; a tick that has passed expires with the next advance. Thread: owner. */
void deadline_row_arm(struct deadline_row *row, struct deadline *deadline, uint64_t due);

/* Calls [expired] for each deadline due by [now], as deadline_advance but in no order.
 * Thread: owner. */
void deadline_row_advance(struct deadline_row *row, uint64_t now,
                          void (*expired)(struct deadline *deadline, void *context),
                          void *context);

/* The tick at which to advance next, UINT64_MAX when nothing is armed; it can be early.
 * Thread: owner. */
uint64_t deadline_row_next(const struct deadline_row *row);
