/* SPDX-License-Identifier: Apache-2.0 */
/* Mould: a Lua state that was loaded once, from which others are poured: a copy of its
 * memory in which every pointer into that memory was moved along, with no room in it that
 * loading has left behind.
 *
 * Nothing of Lua's inside is known here. What is relied on:
 * - All that belongs to a state comes from its allocator, and what it has of it are
 *   pointers, whole words at their natural place, to blocks or to their ends. So where the
 *   state was gathered, each word in it whose value is an address in one of the blocks is
 *   such a pointer, or of no use. Nothing else looks like one: no room was used twice, so
 *   no bytes between two fields are left of an older pointer; and MOULD_ADDRESS, whose
 *   upper half is 0x07ff, has the likes of no instruction, length, line, text in UTF-8 or
 *   float. Where it cannot be had there is no mould. One place is known where a byte is
 *   written on what was a pointer, see UPVALUE in mould_make.c.
 * - What a compiled chunk consists of but for objects, and leads nowhere, instructions and
 *   lines, is never written again: all states share it. It is write-protected.
 * - Of all in a state only a key goes by its address, one that is a table, a function, a
 *   userdata or a coroutine. A state with such a key is refused, and so is what holds more
 *   than Lua knows of: a coroutine, a userdata that is not empty, but for the standard
 *   files and the generator of math.random, which gets a seed of its own. This is looked
 *   for in the first state poured, through Lua's own interface.
 * - A state at rest, in no call, has nothing on the C stack.
 * That was verified for MOULD_LUA; for another version there are no moulds, nor where each block
 * is malloc's. Then each state is loaded.
 *
 * What is loaded into a mould must leave nothing of the state in C: it has no runtime.
 * Thread: whoever makes it; then it is only read, by any. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct mould;
struct vm;

#define MOULD_LUA "Lua 5.4.4"
#define MOULD_ADDRESS ((void *)0x07ff80000000)

enum { MOULD_PROBLEM = 128 };

/* Makes one of a new state into which [fill] loads what all are to have; it may raise.
 * Returns owned, or NULL and why in [problem]. */
struct mould *mould_new(lua_CFunction fill, char problem[MOULD_PROBLEM]);

/* Pours a state. Returns owned, as vm_new does, NULL when out of memory. */
struct vm *mould_pour(const struct mould *mould);

/* When all that was poured from it is closed. */
void mould_free(struct mould *mould);

/* Raises where something that can be reached in the state would not survive a move. */
int mould_examine(lua_State *L);
