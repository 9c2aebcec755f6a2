/* SPDX-License-Identifier: Apache-2.0 */
/* Guest: see guest.h. Two hold a guest, its thread and its starter; the last frees it. */
#include "executor/guest.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "base/pulse.h"
#include "message/link.h"

enum { STACK = 1 << 20 }; /* 200 nested C calls of Lua's take more than 256 KiB */

struct guest {
  pthread_t thread;
  struct channel *channel;
  struct pulse pulse;
  atomic_int holders;
};

static void (*run_guest)(struct guest *guest);
static atomic_uint living;

void guest_set_main(void (*run)(struct guest *guest)) {
  run_guest = run;
}

static void let_go(struct guest *guest) {
  if (atomic_fetch_sub(&guest->holders, 1) == 1) free(guest);
}

static void *thread_main(void *argument) {
  struct guest *guest = argument;
  pthread_setname_np(pthread_self(), "guest"); /* until it is told what to run */
  run_guest(guest);
  struct channel *channel = guest->channel;
  let_go(guest);
  atomic_fetch_sub(&living, 1);
  channel_leave(channel, 1);
  return NULL;
}

static int start_thread(struct guest *guest) {
  pthread_attr_t attributes;
  sigset_t all, before;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK);
  sigfillset(&all);        /* the process's signals are the main thread's */
  sigdelset(&all, SIGURG); /* but each thread is interrupted itself */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&guest->thread, &attributes, thread_main, guest);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return -error;
}

int guest_start(struct guest **out) {
  struct guest *guest = calloc(1, sizeof *guest);
  if (!guest) return UV_ENOMEM;
  int error = channel_new(&guest->channel);
  atomic_init(&guest->holders, 2);
  atomic_fetch_add(&living, 1);
  if (!error) error = start_thread(guest);
  if (!error) {
    *out = guest;
    return 0;
  }
  atomic_fetch_sub(&living, 1);
  if (guest->channel) {
    channel_leave(guest->channel, 0);
    channel_leave(guest->channel, 1);
  }
  free(guest);
  return error;
}

struct channel *guest_channel(struct guest *guest) {
  return guest->channel;
}

struct pulse *guest_pulse(struct guest *guest) {
  return &guest->pulse;
}

void guest_join(struct guest *guest) {
  pthread_join(guest->thread, NULL);
  channel_leave(guest->channel, 0);
  let_go(guest);
}

void guest_abandon(struct guest *guest) {
  pthread_detach(guest->thread);
  channel_leave(guest->channel, 0);
  let_go(guest);
}

unsigned guests_living(void) {
  return atomic_load(&living);
}
