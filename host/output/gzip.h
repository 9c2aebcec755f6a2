/* SPDX-License-Identifier: Apache-2.0 */
/* Gzip: the contents of one descriptor, compressed, into another.
 * Blocks as the disk does. Thread: any. */
#pragma once
#include <stdatomic.h>

/* Copies all that [from] holds. Returns 0, -ECANCELED once [stop] is set, or a negative
 * errno. The descriptors stay the caller's. */
int gzip_copy(int from, int to, const atomic_bool *stop);
