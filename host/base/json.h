/* SPDX-License-Identifier: Apache-2.0 */
/* Json: text inside of a JSON string. Thread: any. */
#pragma once
#include <stddef.h>

enum { JSON_GROWTH = 6 }; /* bytes that one may become */

/* Writes [len] bytes escaped to [out], which has room for JSON_GROWTH times as many;
 * returns how many they became. What is not UTF-8 becomes U+FFFD. */
size_t json_escape(const char *bytes, size_t len, char *out);
