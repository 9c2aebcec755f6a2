/* SPDX-License-Identifier: Apache-2.0 */
/* Archive: the rotated files of one log, PATH.1 to PATH.keep, newest first; each may be
 * compressed, and is PATH.1.gz then.
 *
 * Shared by the writer of the log, which shifts, and whoever compresses: that works on a
 * copy, PATH.gz.part, while files go on being shifted, and finds out at the end which
 * number the original has by then. Blocks as the disk does. Thread: any. */
#pragma once
#include <stdatomic.h>

struct archive;

/* Returns owned the archive of a copied path, NULL without memory. */
struct archive *archive_new(const char *path, unsigned keep);

/* One more owner; returns the archive. */
struct archive *archive_share(struct archive *archive);

/* The last owner's frees it; NULL is fine. */
void archive_release(struct archive *archive);

/* PATH becomes PATH.1, and so on; the oldest goes. Returns 0 or a negative errno. */
int archive_shift(struct archive *archive);

/* Keeps that many from now on; those beyond go. */
void archive_set_keep(struct archive *archive, unsigned keep);

/* Compresses every rotated file that is not yet, until [stop]. Returns 0 or the first
 * negative errno: what failed stays as it is. */
int archive_squeeze(struct archive *archive, const atomic_bool *stop);
