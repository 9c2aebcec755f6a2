/* SPDX-License-Identifier: Apache-2.0 */
/* Turn: goes on with a task's coroutine, which the watchdog may interrupt there, and
 * closes it, which it may interrupt as well. See interrupt.h and task_store.h.
 *
 * A task whose slice has ended waits in a queue of its own: of that one goes on in each
 * round of the loop, after everybody who behaves, so however many tasks run away, the
 * others wait for one slice at the most, and for that of one more whose turn begins: those
 * that begin behind it and were cut the last time, or are new, go to the same queue. */
#include "base/interrupt.h"
#include "executor/task_store.h"
#include "vm/vm.h"

enum { KIB = 1024 };

/* What a resume has shown. */
static void note_interrupt(struct tasks *tasks, struct task *task, bool ordered,
                           int status) {
  enum interrupt_level raised = tasks->raised;
  bool ours = ordered && raised == INTERRUPT_CANCEL;
  if (raised != INTERRUPT_NONE && !ours && !task->cancelled)
    task->cancelled = task->stalled = true;
  if (ordered && raised == INTERRUPT_NONE && status == LUA_YIELD)
    task_cancel(tasks, task); /* it came to wait before it could be raised */
}

void task_bound(struct tasks *tasks, struct task *task, size_t bytes) {
  const struct memory *memory = &vm_of(tasks->L)->memory;
  size_t room = memory->limit > memory->used ? (memory->limit - memory->used) / 4 * 3 : 0;
  if (memory->limit && bytes > room) bytes = room;
  size_t ceiling = (memory->used + bytes) / KIB + 1;
  task->ceiling = ceiling < UINT32_MAX ? (uint32_t)ceiling : UINT32_MAX;
}

/* lua_resume; what the state may hold meanwhile is what the task may. What the library does
 * for it is finished nevertheless: the limit strikes when the task itself goes on. */
static int resume(struct vm *vm, const struct task *task, lua_State *co, int *count) {
  struct memory *memory = &vm->memory;
  bool (*spares)(const void *) = memory->spares;
  size_t limit = memory->limit, own = (size_t)task->ceiling * KIB;
  bool bounded = own && (!limit || own < limit), relaxed = vm->relaxed;
  if (bounded) {
    memory->limit = own;
    memory->spares = !limit || own + MEMORY_SLACK <= limit ? interrupt_in_library : NULL;
    memory->context = &vm->interrupt;
  }
  memory->guarded++;
  int status = lua_resume(co, vm->L, *count, count);
  memory->guarded--;
  if (bounded) { /* what was relaxed meanwhile was the task's, else it is the state's */
    memory->limit = limit;
    memory->spares = spares;
    vm->relaxed = relaxed;
  }
  return status;
}

int turn_resume(struct tasks *tasks, struct task *task, lua_State *co, int *count) {
  struct vm *vm = vm_of(co);
  struct interrupt *interrupt = &vm->interrupt;
  struct interrupt_frame frame;
  bool ordered = task->sliced && task->raising;
  task->running = true;
  task->sliced = false;
  interrupt_enter(interrupt, &frame, co, INTERRUPT_TASK);
  if (ordered) {
    task->raising = false;
    interrupt_order(interrupt, INTERRUPT_CANCEL);
  }
  int status = resume(vm, task, co, count);
  task->running = false;
  task->sliced = interrupt_take_preempted(interrupt);
  tasks->raised = (uint8_t)interrupt_leave(interrupt, &frame);
  if (status != LUA_OK && status != LUA_YIELD) interrupt_heal(co);
  if (ordered || tasks->raised != INTERRUPT_NONE)
    note_interrupt(tasks, task, ordered, status);
  if (status == LUA_ERRMEM && !task->ceiling) vm_relax(vm);
  schedule_read(tasks->schedule);
  return status;
}

void turn_reset(lua_State *co, bool kill) {
  struct vm *vm = vm_of(co);
  struct interrupt *interrupt = &vm->interrupt;
  struct interrupt_frame frame;
  interrupt_enter(interrupt, &frame, co, INTERRUPT_TASK);
  if (kill) interrupt_order(interrupt, INTERRUPT_KILL);
  vm->memory.guarded++;
  lua_resetthread(co);
  vm->memory.guarded--;
  interrupt_leave(interrupt, &frame);
  lua_settop(co, 0);
}

void task_put_off(struct tasks *tasks, struct task *task) {
  task->queued = true;
  task->next_ready = NULL;
  if (tasks->sliced_tail)
    tasks->sliced_tail->next_ready = task;
  else
    tasks->sliced_head = task;
  tasks->sliced_tail = task;
}

bool tasks_have_sliced(const struct tasks *tasks) {
  return tasks->sliced_head != NULL;
}

bool tasks_run_sliced(struct tasks *tasks) {
  struct task *task = tasks->sliced_head;
  tasks->crowded = false;
  if (!task) return false;
  tasks->sliced_head = task->next_ready;
  if (!tasks->sliced_head) tasks->sliced_tail = NULL;
  task_run_queued(tasks, task);
  return tasks->sliced_head != NULL;
}
