/* SPDX-License-Identifier: Apache-2.0 */
/* Process line: hands a line of output to the callback of its process. Thread: main. */
#pragma once
#include <lua.h>
#include <stddef.h>

/* [userdata, function] -> []: calls the function with the line, and puts it back into the
 * user value [which] if it returns true: it wants to hear more. */
void process_line(lua_State *L, int which, const char *line, size_t len);
