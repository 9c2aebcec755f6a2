/* SPDX-License-Identifier: Apache-2.0 */
/* Mark: the text by which every process of a unit can be told from all others, whatever
 * session it is in: LUVISOR_UNIT in the environment that it was started with, which it has
 * from the program and hands on to its own children. Thread: any. */
#pragma once
#include <sys/types.h>

#define MARK_NAME "LUVISOR_UNIT"

enum { MARK_SIZE = 1024 }; /* with its end; a longer one is none */

/* Reads the mark of [pid]; 0, or a negative libuv code: UV_ENOENT when it has none or is
 * gone, UV_EACCES when its environment is not ours to read, UV_EAGAIN when it is about
 * to be dead and there is no telling. */
int mark_read(pid_t pid, char mark[MARK_SIZE]);

/* The mark in an environment that is about to be given to a program, borrowed; or NULL. */
const char *mark_of(char *const *environment);
