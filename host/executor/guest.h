/* SPDX-License-Identifier: Apache-2.0 */
/* Guest: a runtime on a thread of its own, joined to the one that started it by a channel.
 *
 * The thread owns its Lua state, its loop and side 1 of the channel; it leaves the channel
 * as the last thing it does, so that the link of side 0 ends when everything of the guest
 * is gone. A thread that never comes to that cannot be ended from outside: it is given up,
 * and goes on until the process ends. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct channel;
struct guest;
struct pulse;

/* What a guest's thread runs; set once, before the first one. Thread: main. */
void guest_set_main(void (*run)(struct guest *guest));

/* Starts a thread. Returns owned in [out], or a negative libuv code. Thread: any. */
int guest_start(struct guest **out);

/* The guest's channel, borrowed. Thread: any. */
struct channel *guest_channel(struct guest *guest);

/* What shows how it does, borrowed. Thread: any. */
struct pulse *guest_pulse(struct guest *guest);

/* The link has ended: waits for the thread, which has nothing left to do, and frees the
 * guest. Thread: the starter's. */
void guest_join(struct guest *guest);

/* Lets the thread go on by itself, whatever it does. Thread: the starter's. */
void guest_abandon(struct guest *guest);

/* How many threads of guests there are in the process. Thread: any. */
unsigned guests_living(void);
