/* SPDX-License-Identifier: Apache-2.0 */
/* Process host: what host.process says of the host itself. Thread: the main thread. */
#pragma once
#include <lua.h>

/* environment() -> list of "NAME=value" */
int process_host_environment(lua_State *L);

/* Pushes a text that no other host on this machine has had since it booted. */
void process_host_instance(lua_State *L);
