/* SPDX-License-Identifier: Apache-2.0 */
/* Process members: see process_members.h. */
#include "api/process_members.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "api/api.h"
#include "vm/vm.h"

enum { SHOWN = 256 };

struct process_members {
  struct census_query query;
  struct process_members *next, **link;
  const struct child *child;
  lua_State *L; /* the main one */
  int fn;       /* registry reference */
  int count;
  pid_t pids[SHOWN];
};

static void drop(lua_State *L, struct process_members *members) {
  census_forget(&members->query);
  luaL_unref(L, LUA_REGISTRYINDEX, members->fn);
  *members->link = members->next;
  if (members->next) members->next->link = members->link;
  free(members);
}

static void on_found(struct census_query *query, pid_t pid) {
  struct process_members *members = query->data;
  if (members->count == SHOWN || !child_has(members->child, pid)) return;
  members->pids[members->count++] = pid;
}

static void on_done(struct census_query *query, int error) {
  struct process_members *members = query->data;
  lua_State *L = members->L;
  int values = 1;
  lua_checkstack(L, LUA_MINSTACK);
  lua_rawgeti(L, LUA_REGISTRYINDEX, members->fn);
  if (error && error != UV_EAGAIN) /* then the others are better than none */
    values = api_error(L, error);
  else
    api_pids(L, members->pids, members->count);
  drop(L, members);
  vm_call(L, values, 0);
}

int process_members_ask(lua_State *L, int index, const struct child *child,
                        struct process_members **list) {
  struct process_members *members = calloc(1, sizeof *members);
  if (!members) return UV_ENOMEM;
  lua_pushvalue(L, index);
  members->fn = luaL_ref(L, LUA_REGISTRYINDEX);
  members->L = vm_of(L)->L;
  members->child = child;
  members->query =
      (struct census_query){.found = on_found, .done = on_done, .data = members};
  members->next = *list;
  members->link = list;
  if (*list) (*list)->link = &members->next;
  *list = members;
  census_ask(child_members(child, &members->query), &members->query);
  return 0;
}

void process_members_forget(lua_State *L, struct process_members **list) {
  while (*list) drop(L, *list);
}
