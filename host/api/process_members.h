/* SPDX-License-Identifier: Apache-2.0 */
/* Process members: child:members(fn): who of a program lives, found by a walk over /proc
 * and told from the loop. Thread: main. */
#pragma once
#include <lua.h>

#include "process/child.h"

struct process_members;

/* Asks for the members of [child], with the function at [index], which is called when they
 * are known; the question is put on [list], which begins as NULL. */
int process_members_ask(lua_State *L, int index, const struct child *child,
                        struct process_members **list);

/* Drops all questions of a list: nobody is told. */
void process_members_forget(lua_State *L, struct process_members **list);
