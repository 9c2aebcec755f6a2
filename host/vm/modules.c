/* SPDX-License-Identifier: Apache-2.0 */
/* Modules: the searcher of luvisor's own modules. See modules.h. */
#include "vm/modules.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/embedded.h"
#include "base/interrupt.h"
#include "vm/vm.h"

/* "luvisor.a.b" -> "a/b.lua", "luvisor" -> "init.lua" */
static const char *push_path(lua_State *L, const char *name) {
  const char *rest = name + strlen("luvisor");
  if (!*rest) return lua_pushliteral(L, "init.lua");
  luaL_gsub(L, rest + 1, ".", "/");
  lua_pushliteral(L, ".lua");
  lua_concat(L, 2);
  return lua_tostring(L, -1);
}

static bool is_ours(const char *name) {
  size_t length = strlen("luvisor");
  return !strncmp(name, "luvisor", length) && (name[length] == '.' || !name[length]);
}

/* the module's file in [dir] -> loader, path; or false when there is no such file */
static bool load_override(lua_State *L, const char *dir, const char *name) {
  push_path(L, name);
  const char *path = lua_pushfstring(L, "%s/%s", dir, lua_tostring(L, -1));
  if (access(path, R_OK) != 0) return false;
  if (luaL_loadfilex(L, path, "t") != LUA_OK) lua_error(L);
  interrupt_exempt(L);
  lua_pushstring(L, path);
  return true;
}

/* pushes the module's function */
static void load_embedded(lua_State *L, const struct embedded *module,
                          const char *chunk) {
  const char *bytes = embedded_unpack(module);
  if (!bytes) luaL_error(L, "not enough memory");
  vm_of(L)->loads = true;
  int status = luaL_loadbufferx(L, bytes, module->size, chunk, "b");
  vm_of(L)->loads = false;
  embedded_release(module, bytes);
  if (status != LUA_OK) lua_error(L);
}

static int search(lua_State *L) {
  const char *name = lua_tostring(L, 1);
  const char *dir = getenv("LUVISOR_LUA");
  if (!name || !is_ours(name)) return 0;
  if (dir && *dir && load_override(L, dir, name)) return 2;
  const struct embedded *module = embedded_find(name);
  if (!module) {
    lua_pushfstring(L, "no module '%s' in luvisor", name);
    return 1;
  }
  push_path(L, name);
  const char *chunk = lua_pushfstring(L, "=luvisor/%s", lua_tostring(L, -1));
  load_embedded(L, module, chunk);
  interrupt_exempt(L);
  lua_pushstring(L, chunk + 1);
  return 2;
}

/* package[field] without the entries that name the working directory */
static void strip_cwd(lua_State *L, const char *field) {
  luaL_Buffer out;
  lua_getfield(L, -1, field);
  const char *path = lua_tostring(L, -1);
  luaL_buffinit(L, &out);
  for (const char *entry = path; entry && *entry;) {
    size_t length = strcspn(entry, ";");
    if (length > 0 && entry[0] != '.') {
      if (luaL_bufflen(&out) > 0) luaL_addchar(&out, ';');
      luaL_addlstring(&out, entry, length);
    }
    entry += length + (entry[length] == ';');
  }
  luaL_pushresult(&out);
  lua_setfield(L, -3, field);
  lua_pop(L, 1);
}

void modules_install(lua_State *L) {
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchers");
  for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 1);
  strip_cwd(L, "path");
  strip_cwd(L, "cpath");
  lua_pop(L, 1);
}
