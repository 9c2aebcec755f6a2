/* SPDX-License-Identifier: Apache-2.0 */
/* Process host: what host.process says of the host itself. Thread: the main thread. */
#pragma once
#include <lua.h>

#include "process/launch.h"

/* environment() -> list of "NAME=value" */
int process_host_environment(lua_State *L);

/* Pushes a text that no other host on this machine has had since it booted. */
void process_host_instance(lua_State *L);

/* Pushes nil, message, CODE, stage for a launch that failed. */
int process_host_failure(lua_State *L, int error, const struct launch_result *result);
