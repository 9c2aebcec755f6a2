/* SPDX-License-Identifier: Apache-2.0 */
/* Stamp: the wall clock for people and their files, and nothing else. Thread: any. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { STAMP_SIZE = 24 };

/* Writes the local time, "2026-11-21T10:29:08.123". */
void stamp_now(char text[STAMP_SIZE]);

/* Writes the present local time as syslog has it, "Nov  1 12:00:00", into [text] of at
 * least 16 bytes; returns its length. */
size_t stamp_syslog(char *text, size_t size);

/* How many seconds ago that second was, 0 if it is to come: for ages of files. */
uint64_t stamp_age(int64_t second);
