/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a runtime, shared by runtime.c (rounds of work) and runtime_loop.c (the
 * loop); nobody else includes it. Thread: the runtime's. */
#pragma once
#include "executor/runtime.h"

struct runtime {
  struct vm *vm;
  struct schedule schedule;
  struct tasks *tasks;
  int posts; /* reference: queue of function, a, b, c, function, ... */
  lua_Integer post_first, post_last;
  struct watch *watch; /* NULL while nobody watches */
  uint64_t entries;    /* into Lua, before the wait */
  unsigned passed_over;
  uint64_t armed; /* real ns at which the wait is to end, UINT64_MAX for never */
  bool busy;      /* work is left, so there is no wait */
  bool stopped;
  bool closed;
  struct runtime_door door;
  struct runtime_loop *loop; /* owned, NULL until something needs one */
};

/* What is done before a wait and after it. */
void runtime_before_wait(struct runtime *runtime);
void runtime_after_wait(struct runtime *runtime);

/* Has the loop wake at that real ns, UINT64_MAX for never. */
void runtime_loop_arm(struct runtime_loop *loop, uint64_t at);

/* Has the loop not wait at all. */
void runtime_loop_hurry(struct runtime_loop *loop, bool on);

/* Closes the handles; frees a loop on which nothing is left. */
void runtime_loop_close(struct runtime_loop *loop);
void runtime_loop_free(struct runtime_loop *loop);
