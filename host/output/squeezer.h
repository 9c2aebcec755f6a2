/* SPDX-License-Identifier: Apache-2.0 */
/* Squeezer: a thread that compresses rotated files, one after the other, when nobody else
 * wants the processor. It begins with the first that is asked for.
 * Owns the thread, and shares the archives that wait. Thread: any, unless said otherwise. */
#pragma once
#include <stdbool.h>

#include "output/archive.h"

struct squeezer;

/* Returns owned, NULL without memory. */
struct squeezer *squeezer_new(void);

/* Has the rotated files of an archive compressed, some time. */
void squeezer_ask(struct squeezer *squeezer, struct archive *archive);

/* Is nothing left to compress? */
bool squeezer_is_idle(struct squeezer *squeezer);

/* Ends it after the piece at hand; a file that was being compressed stays as it is. Nobody
 * may ask any more. A thread whose disk hangs for longer than [ms] is left behind. NULL is
 * fine. */
void squeezer_free(struct squeezer *squeezer, unsigned ms);
