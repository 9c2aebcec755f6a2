/* SPDX-License-Identifier: Apache-2.0 */
/* Files: how many the host may have open. It takes as many as it is allowed, for hundreds
 * of programs need three or four each; what it starts gets the limit it was itself started
 * with. Process-wide. Thread: main. */
#pragma once
#include <sys/resource.h>

/* Raises the soft limit to the hard one; a refusal is not an error. */
void files_raise_limit(void);

/* The limit as it was before. */
struct rlimit files_first_limit(void);
