/* SPDX-License-Identifier: Apache-2.0 */
/* Link calls: calls between workers of two runtimes, the short way: no letter is made, and
 * no Lua runs but the caller's and the handler. The frames are those of post.lua, which
 * has the long way; calls from here have negative numbers. Thread: the runtime's. */
#pragma once
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "message/codec.h"

struct link;
struct request;
struct waiting;

/* Of one link; all zeros but for the link at first. */
struct link_calls {
  struct link *link;     /* borrowed, NULL when closed */
  struct waiting *slots; /* owned: calls that wait for their answers */
  uint32_t room, unused; /* so many slots; the first unused one, or room */
  uint32_t number;       /* by which a request finds the way back */
  bool held;             /* letters were held back: none may come before them */
  bool off;              /* the generation is over: everything goes the long way */
};

/* Gives the link, the userdata on top of L, a number. */
void link_calls_open(lua_State *L, struct link_calls *calls);

/* The link is closed. */
void link_calls_close(lua_State *L, struct link_calls *calls);

/* Pushes a list of the calls that wait, task and number of each, and ends the short way. */
void link_calls_give_up(lua_State *L, struct link_calls *calls);

/* Takes a frame, if it is an answer or a call of the short way; may raise. */
bool link_calls_take(lua_State *L, struct link_calls *calls, const char *bytes,
                     size_t length);

/* Pushes a line, a userdata, to the address at [address] over the link at [link]. */
void link_calls_push_line(lua_State *L, int link, struct link_calls *calls, int address);

/* Sends a call of the values from 3 to the line on top, to be answered to the task's wait;
 * false with nothing done where it has to go the long way. */
bool link_calls_send(lua_State *L, struct codec_buffer *buffer, uint64_t task,
                     uint32_t wait);

/* How long a call along that line may take, ns. */
uint64_t *link_calls_timeout(lua_State *L, int line);

/* Answers a call that came from elsewhere with the values from [first] on. Returns as
 * codec_write. */
int link_calls_answer(lua_State *L, const struct request *request, int first, int count,
                      struct codec_problem *problem);

/* Pushes a function that does so, as letters have it. */
void link_calls_push_answer(lua_State *L, const struct request *request);
