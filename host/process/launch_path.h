/* SPDX-License-Identifier: Apache-2.0 */
/* Launch path: where a command may be found.
 *
 * The list is made in the host, because the launched child must not allocate, and tried
 * by the child, because only there do directory and credentials hold. Owns nothing.
 * Thread: any. */
#pragma once

/* Returns owned (free it) the candidates for [file] one after the other, each ended by
 * NUL, the list by an empty one; NULL when out of memory. A name with a slash is its own
 * only candidate; else the absolute entries of the PATH in [envp] are taken, never the
 * current directory. Thread: any. */
char *launch_path_candidates(const char *file, char *const *envp);
