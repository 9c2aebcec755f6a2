/* SPDX-License-Identifier: Apache-2.0 */
/* Stamp: the wall clock as text, for people and nothing else. Thread: any. */
#pragma once

enum { STAMP_SIZE = 24 };

/* Writes the local time, "2026-11-21T10:29:08.123". */
void stamp_now(char text[STAMP_SIZE]);
