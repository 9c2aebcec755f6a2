/* SPDX-License-Identifier: Apache-2.0 */
/* Names: those of handlers that requests have asked for, each known by a number, so that a
 * request needs no string. There are few; one for which there is no room stays a string.
 * The strings are kept in a table of the state. Thread: the runtime's. */
#pragma once
#include <lua.h>
#include <stdint.h>

enum { NAMES = 32 };
enum { NAMES_SHORT = 40 }; /* bytes of a string that exists only once in a Lua state */

struct names {
  const void *known[NAMES];
  int strings; /* reference */
};

void names_open(struct names *names, lua_State *L);

/* The number of the name at [index], 0 for none. */
uint8_t names_find(const struct names *names, lua_State *L, int index);

/* The same, known from now on if it is short and there is room. May raise. */
uint8_t names_keep(struct names *names, lua_State *L, int index);

void names_push(const struct names *names, lua_State *L, uint8_t number);
