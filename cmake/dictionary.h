/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionary: what the modules of lua/ have in common, for deflating each of them. A tool of the build. */
#ifndef LUVISOR_DICTIONARY_H
#define LUVISOR_DICTIONARY_H

#include <stddef.h>

enum { DICTIONARY = 32768 };

/* Fills `dictionary` from `text`, which is all modules one after the other; `ends` says where each of the `count` ends.
 * The size, at most DICTIONARY. */
size_t dictionary_choose(const unsigned char *text, const size_t *ends, size_t count,
                         unsigned char *dictionary);

#endif
