-- SPDX-License-Identifier: Apache-2.0
-- The checks of the sources (scripts/lint), each fed with what it must refuse and with what it must let through.
local banned = require("lint.banned")
local direction = require("lint.direction")
local size = require("lint.size")
local source = require("lint.source")

local function problems(check, files)
  local found = {}
  check(files, function(path, line, problem)
    found[#found + 1] = ("%s:%d: %s"):format(path, line, problem)
  end)
  return found
end

local function refuses(check, files, expected)
  local found = problems(check, files)
  assert.equal(1, #found, table.concat(found, "\n"))
  assert.truthy(found[1]:find(expected, 1, true), found[1])
end

local function accepts(check, files)
  assert.same({}, problems(check, files))
end

describe("source.code", function()
  local function code(text, language, expected)
    assert.equal(expected, source.code(text, language))
  end

  it("blanks comments", function()
    code("a -- b\nc", "lua", "a     \nc")
    code("a --[[ b\n]] c", "lua", "a       \n   c")
    code("a /* b\n*/ c // d\ne", "c", "a     \n   c     \ne")
    code("a - b / c", "c", "a - b / c")
  end)

  it("blanks what is in strings", function()
    code([[a("b\"--", 'c"')]], "lua", [[a("     ", '  ')]])
    code("a([==[ ]] ]==])", "lua", "a([          ])")
    code([[a("/*", '"') b]], "c", [[a("  ", ' ') b]])
  end)

  it("keeps strings when told to, and no comments", function()
    assert.equal('a("b")     ', source.code('a("b") -- c', "lua", true))
  end)
end)

describe("direction of includes", function()
  local check = direction.check

  it("refuses what is above", function()
    refuses(check, { ["host/vm/vm.c"] = '\n#include "host.h"\n', ["host/host.h"] = "" },
      "host/vm/vm.c:2: includes host.h: vm must not know host")
    refuses(check, { ["host/process/launch.c"] = '#include "api/api.h"', ["host/api/api.h"] = "" }, "must not know api")
    refuses(check, { ["host/base/memory.c"] = '# include "vm/vm.h"', ["host/vm/vm.h"] = "" }, "base must not know vm")
    refuses(check, { ["host/api/api.c"] = '#include "../host.h"', ["host/host.h"] = "" }, "api must not know host")
  end)

  it("lets through what is below, beside or foreign", function()
    accepts(check, {
      ["host/main.c"] = '#include "host.h"\n#include <uv.h>',
      ["host/host.h"] = '#include "api/api.h"',
      ["host/api/api.h"] = '#include "process.h"\n#include "../vm.h"',
      ["host/api/process.h"] = '#include "process/launch.h"',
      ["host/process/launch.h"] = '// #include "host.h"\n/*\n#include "host.h"\n*/',
      ["host/vm/vm.h"] = '#include "base/memory.h"\n#include <lua.h>',
      ["host/base/memory.h"] = "",
    })
  end)

  it("refuses a circle", function()
    refuses(check, {
      ["host/process/launch.c"] = '#include "process/child.h"',
      ["host/process/child.c"] = '#include "process/census.h"',
      ["host/process/census.c"] = '#include "process/launch.h"',
      ["host/process/launch.h"] = "", ["host/process/child.h"] = "", ["host/process/census.h"] = "",
    }, "closes a circle: census -> launch -> child -> census")
  end)

  it("refuses the loop in vm, memory and deadline", function()
    for _, path in ipairs({ "vm/vm", "base/memory", "base/deadline" }) do
      refuses(check, { [("host/%s.c"):format(path)] = "#include <uv.h>" }, "knows no loop")
    end
    refuses(check, { ["host/vm/vm.h"] = "#include <luv/luv.h>" }, "knows no loop")
    accepts(check, { ["host/process/child.c"] = "#include <uv.h>" })
  end)

  it("refuses an included .c", function()
    refuses(check, { ["host/process/child.c"] = '#include "census.c"' }, "not included")
  end)

  it("refuses a file without a room", function()
    refuses(check, { ["host/gizmo.c"] = "" }, "has no room")
  end)

  it("refuses Lua's arguments and modules outside of host/api", function()
    refuses(check, { ["host/process/child.c"] = "x = luaL_checkinteger(L, 1);" }, "luaL_checkinteger")
    refuses(check, { ["host/process/child.c"] = "x = luaL_optstring (L, 1, 0);" }, "luaL_optstring")
    refuses(check, { ["host/process/child.c"] = "luaL_argcheck(L, 1, 1, 0);" }, "luaL_argcheck")
    refuses(check, { ["host/vm/vm.c"] = "f(luaopen_base);" }, "luaopen_base")
    accepts(check, {
      ["host/api/process.c"] = "luaL_checkinteger(L, 1); luaopen_luv(L);",
      ["host/vm/vm.c"] = 'luaL_checkstack(L, 1, 0); /* luaopen_base */ f("luaopen_base");',
    })
  end)
end)

describe("direction of requires", function()
  local check = direction.check

  it("refuses what is above", function()
    refuses(check, { ["lua/core/fsm.lua"] = '\nlocal unit = require("luvisor.machine.unit")' },
      "lua/core/fsm.lua:2: requires luvisor.machine.unit: lua/core requires only core")
    refuses(check, { ["lua/core/fsm.lua"] = "local uv = require 'luv'" }, "requires luv")
    refuses(check, { ["lua/core/fsm.lua"] = "  return require('host.process')" }, "requires host.process")
    refuses(check, { ["lua/core/fsm.lua"] = "local l = require('luvisor')" }, "requires luvisor")
    refuses(check, { ["lua/machine/unit.lua"] = 'require "luvisor.edge.log"' }, "requires only core and machine")
  end)

  it("refuses a name that cannot be read", function()
    refuses(check, { ["lua/machine/unit.lua"] = "local m = require(name)" }, "cannot be read")
    refuses(check, { ["lua/core/fsm.lua"] = "local load = require" }, "cannot be read")
  end)

  it("lets through what is below, and everything outside of core and machine", function()
    accepts(check, {
      ["lua/core/fsm.lua"] = 'local e = require("luvisor.core.exit") -- require("luv")\nlocal s = "require \'luv\'"',
      ["lua/machine/unit.lua"] = 'local e = require("luvisor.core.exit")\nlocal u = require("luvisor.machine.worker")',
      ["lua/edge/cli.lua"] = 'local uv = require("luv")\nlocal m = require(name)',
      ["lua/worker.lua"] = 'local fsm = require("luvisor.core.fsm")',
      ["tests/unit/fsm_spec.lua"] = 'local fsm = require("luvisor.core.fsm")',
    })
  end)

  it("refuses a circle, but not one that is closed by a later require", function()
    local files = {
      ["lua/core/a.lua"] = 'local b = require("luvisor.core.b")',
      ["lua/core/b.lua"] = 'local a = require("luvisor.core.a")',
    }
    refuses(check, files, "closes a circle: luvisor.core.a -> luvisor.core.b -> luvisor.core.a")
    files["lua/core/b.lua"] = 'return function()\n  return require("luvisor.core.a")\nend'
    accepts(check, files)
  end)
end)

describe("size", function()
  local function lines(count, text)
    return (text .. "\n"):rep(count)
  end

  it("refuses long files", function()
    refuses(size.check, { ["host/a.c"] = lines(401, "int a;") }, "file of 401 lines")
    refuses(size.check, { ["lua/a.lua"] = lines(301, "local a") }, "file of 301 lines")
    accepts(size.check, { ["host/a.c"] = lines(400, "int a;"), ["lua/a.lua"] = lines(300, "local a") })
  end)

  it("refuses long lines, of comments, too", function()
    local comment = "/* " .. ("x"):rep(115) .. "%s */\n"
    refuses(size.check, { ["host/a.c"] = "\n" .. comment:format "" }, "host/a.c:2: line of 121 columns")
    accepts(size.check, { ["host/a.c"] = (comment:format "":gsub("x", "", 1)) })
  end)

  it("refuses long functions", function()
    local c = "static int\nf(void) {\n" .. lines(57, "  if (x) { y(); }") .. "%s}\n"
    refuses(size.check, { ["host/a.c"] = "\n" .. c:format("  z();\n") }, "host/a.c:2: function of 61 lines")
    accepts(size.check, { ["host/a.c"] = c:format("") .. "\n" .. c:format("") })
    local lua = "local function f()\n" .. lines(58, "  for x in y do if x then z() end end") .. "%send\n"
    refuses(size.check, { ["lua/a.lua"] = "\n" .. lua:format("  z()\n") }, "lua/a.lua:2: function of 61 lines")
    accepts(size.check, { ["lua/a.lua"] = lua:format("") .. lua:format("") })
    accepts(size.check, { ["tests/unit/a_spec.lua"] = lua:format("  z()\n") })
  end)

  it("counts what a module that is a function holds by itself", function()
    local inner = "  local function f()\n" .. lines(40, "    x()") .. "  end\n"
    local module = "return function(env)\n" .. inner .. inner .. "%send\n"
    accepts(size.check, { ["lua/a.lua"] = module:format(lines(58, "  y()")) })
    refuses(size.check, { ["lua/a.lua"] = module:format(lines(59, "  y()")) }, "lua/a.lua:1: function of 61 lines")
    refuses(size.check, { ["lua/a.lua"] = "local " .. module:sub(8):format("") }, "function of 86 lines")
  end)

  it("knows a function from a table", function()
    accepts(size.check, { ["host/a.c"] = "static const int a[] = {\n" .. lines(70, "  f(1),") .. "};\n" })
    local macro = "#define X(a) \\\n  f(a) { \\\n  {\n"
    accepts(size.check, { ["host/a.c"] = macro .. "struct a {\n" .. lines(70, "  int a;") .. "};\n" })
  end)

  it("counts every kind of block", function()
    local text = "function f()\nrepeat until x\nwhile x do end\nif a then elseif b then else end\ndo end\nend\n"
    assert.equal(6, (size.longest_function(text .. "x = 'function'\n", "lua")))
  end)
end)

describe("banned calls", function()
  local function refused(path, text, expected)
    refuses(banned.check, { [path] = text }, expected)
  end

  it("in C", function()
    refused("host/process/child.c", "waitpid( -1, &s, 0);", "waitpid(-1)")
    refused("host/process/child.c", "x = system(command);", "system()")
    refused("host/process/child.c", "clock_gettime(CLOCK_REALTIME, &t);", "wall clock")
    refused("host/process/child.c", "sprintf(a, b);", "bounds")
    accepts(banned.check, {
      ["host/process/child.c"] = "waitpid(pid, &s, 0); /* system( */ file_system(x);" ..
        "clock_gettime(CLOCK_MONOTONIC, &t);",
      ["host/api/system.c"] = "clock_gettime(CLOCK_REALTIME, &t);",
    })
  end)

  it("in Lua", function()
    refused("lua/machine/unit.lua", "os.execute('ls')", "os.execute blocks")
    refused("lua/machine/unit.lua", "local p = io.popen('ls')", "io.popen blocks")
    refused("lua/edge/cli.lua", "local now = os.time()", "wall clock")
    refused("lua/machine/unit.lua", "local now = system.wall()", "wall clock")
    refused("lua/core/fsm.lua", "local now = os.clock()", "pure")
    refused("lua/core/fsm.lua", "io.write('x')", "pure")
    refused("lua/worker.lua", "os.exit(1)", "ends the process")
    accepts(banned.check, {
      ["lua/edge/cli.lua"] = "os.execute('ls') os.exit(0)",
      ["lua/edge/log.lua"] = "return os.date('!%FT%T', os.time())",
      ["lua/machine/unit.lua"] = "-- os.time()\nlocal s = 'os.time()'",
      ["tests/unit/unit_spec.lua"] = "os.execute('ls')",
    })
  end)
end)
