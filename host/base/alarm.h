/* SPDX-License-Identifier: Apache-2.0 */
/* Alarm: a limit of the time that one entry into Lua may take before there is a loop, and a
 * watchdog. When it has come the entry is cancelled, then killed; what does not come back
 * to Lua by then ends the process, which has nothing to lose yet. One in the process, by
 * its timer and SIGALRM. Thread: main. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct interrupt;

enum { ALARM_EXIT = 2 }; /* the exit code then */

/* Sets the alarm for the entry that runs, in [ns]; [text] is what is said on stderr should
 * the process have to end. Returns 0 or a negative errno. */
int alarm_set(struct interrupt *interrupt, uint64_t ns, const char *text);

/* The entry is over; whether it was too late. */
bool alarm_clear(void);
