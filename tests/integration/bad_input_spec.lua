-- SPDX-License-Identifier: Apache-2.0
-- A bad script ends with 2 and one message that names file and line, unit and key; and nothing has been started.

local host = require "host"
local uv = require "luv"

-- Before what is wrong each tree has a program that would leave a file behind.
local START = [[
local luvisor = require "luvisor"
local first = luvisor.program { name = "first", command = { "touch", "started" } }
]]

local WORKER = [[
local worker = require("luvisor.worker").define()
worker:actor("running", { every = 1 }, function(self) return self.stopping and "complete" or "keepalive" end)
return worker
]]

-- name -> what is wrong in line 3, and the message
local CASES = {
  ["syntax error"] = { "return luvisor.supervisor { name = = 7 }", "tree.lua:3: unexpected symbol near '='" },
  ["runtime error"] = { "local x = nil; return x.y", "tree.lua:3: attempt to index a nil value (local 'x')" },
  ["error of the script's own (sup_start_fail)"] = { "error 'no inbox'", "tree.lua:3: no inbox" },
  ["error that is no text"] = { "error { code = 7 }", "tree.lua: an error that is no text, but a table value",
    "tree.lua:3" },
  ["required module that is missing"] = { "local part = require 'prat'",
    "tree.lua:3: module 'prat' not found beside the script or on package.path\n" },
  ["required module that is missing, in its last line"] = { "return require 'prat'",
    "tree.lua:3: module 'prat' not found beside the script or on package.path\n" },
  ["constructor called with a colon"] = { "return luvisor:supervisor { name = 'top' }",
    "tree.lua:3: luvisor.supervisor: with a dot, not a colon\n" },
  ["definition called with a dot"] = { "require('luvisor.worker').define().actor('running', print)",
    "tree.lua:3: actor: expected a name, got function; with a colon: definition:actor\n" },
  ["policy that is none"] = { "return luvisor.restart.retrys(3)",
    'tree.lua:3: luvisor.restart has no "retrys", did you mean "retries"?\n' },
  ["policy that is given nonsense"] = { "local _ = luvisor.restart.exit_codes(3)",
    "tree.lua:3: exit_codes: expected { [code] = decision }, got number\n" },
  ["error below functions, with the way that led there"] = {
    "local function f() error 'deep' end local function g() f() return 1 end return g()",
    "tree.lua:3: deep\nstack traceback:\n\ttree.lua:3: in upvalue 'f'\n\ttree.lua:3: in " },
  ["file to run that is missing"] = { "dofile 'prat.lua'", "tree.lua:3: cannot open prat.lua" },
  ["unknown restart type"] = { "return luvisor.supervisor { name = 'top', restart = 'always', children = { first } }",
    'tree.lua:3: supervisor "top": key "restart": unknown value "always", '
    .. 'expected one of "permanent", "transient", "temporary"\n' },
  ["no result (sup_start_error_return)"] = { "local _ = first", "tree.lua: the script returned no unit" },
  ["a result that is no unit (sup_start_error_return)"] = {
    "return { name = 'x' }", "tree.lua: the script returned no unit, but a table" },
  ["a root that is no supervisor"] = { "return first",
    'tree.lua: the root must be a supervisor, got the program "first"' },
  ["wrong type"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'w', shutdown = {} } } }",
    'tree.lua:3: worker "w": key "shutdown": expected seconds' },
  ["no table"] = { "return luvisor.supervisor 'top'", "tree.lua:3: luvisor.supervisor: expected a table, got string" },
  ["a mistake in a file that it requires"] = { "return require 'part'",
    'part.lua:2: supervisor "part": key "strategy": unknown value "any"' },
  ["wrong value"] = { "return luvisor.supervisor { name = 'top', strategy = 'one_for_al', children = { first } }",
    'tree.lua:3: supervisor "top": key "strategy": unknown value "one_for_al", did you mean "one_for_all"?' },
  ["unknown key"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', modul = 'w' } } }",
    'tree.lua:3: worker "w": key "modul": unknown key, did you mean "module"?' },
  ["bad name"] = { "return luvisor.supervisor { name = 'a/b', children = { first } }",
    'tree.lua:3: supervisor "a/b": key "name"' },
  ["missing name"] = { "return luvisor.supervisor { children = { first } }",
    'tree.lua:3: supervisor: key "name": missing\n' },
  ["duplicate name"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'first', module = 'w' } } }",
    'tree.lua:3: worker "first": key "name": duplicate name, already child 1 of supervisor "top" at tree.lua:2' },
  ["child that is no unit"] = { "return luvisor.supervisor { name = 'top', children = { first, { name = 'w' } } }",
    'tree.lua:3: supervisor "top": key "children[2]": expected a unit' },
  ["missing module"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'no.such' } } }",
    'tree.lua:3: worker "w": key "module": no module no.such beside the script or on package.path' },
  ["module with a syntax error"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'broken' } } }",
    'tree.lua:3: worker "w": key "module": ', "broken.lua:2: " },
  ["module with a runtime error"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'failing' } } }",
    'tree.lua:3: worker "w": key "module": ', "failing.lua:2: cannot be" },
  ["module that defines no worker"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'nothing' } } }",
    'tree.lua:3: worker "w": key "module": expected what worker.define() made, got number' },
  ["module that returns nothing"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'silent' } } }",
    'tree.lua:3: worker "w": key "module": expected what worker.define() made, got nothing' },
  ["heartbeat of an unknown state"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'w', heartbeat = { runing = 1 } } } }",
    'tree.lua:3: worker "w": key "heartbeat": unknown state "runing", did you mean "running"?' },
  ["actor of an unknown state"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'typo' } } }",
    'tree.lua:3: worker "w": key "module": actor of unknown state "runnning", did you mean "running"?' },
  ["unknown reference"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'w', after = { frist = 'ready' } } } }",
    'tree.lua:3: worker "w": key "after": unknown unit "frist", did you mean "first"?' },
  ["cycle"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'a', module = 'w', after = { b = 'ready' } }, "
    .. "luvisor.worker { name = 'b', module = 'w', after = { a = 'ready' } } } }",
    'tree.lua:3: worker "a": key "after": cycle a -> b -> a' },
  ["bad machine"] = { "luvisor.fsm { transitions = { a = { go = 'b' }, b = { go = 'c' }, c = luvisor.fsm.OK }, "
    .. "timeouts = { state = { x = 1 } } }", 'tree.lua:3: fsm: timeouts.state: unknown state "x"' },
  ["bad default"] = { "luvisor.defaults { restrats = 5 }",
    'tree.lua:3: luvisor.defaults: key "restrats": unknown setting, did you mean "restarts"?' },
  ["unknown event"] = { "luvisor.on('exti', print)",
    'tree.lua:3: luvisor.on: unknown event "exti", did you mean "exit"?' },
  ["a constructor that there is not"] = { "return luvisor.superviser {}",
    'tree.lua:3: luvisor has no "superviser", did you mean "supervisor"?\n' },
  ["no function for an event"] = { "luvisor.on('exit', 3)", "tree.lua:3: luvisor.on: expected a function, got number" },
  ["what this version does not have yet"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.program { name = 'p', command = 'true', orphans = 'x' } } }",
    'tree.lua:3: program "p": key "orphans": ' },
  ["an executor that nobody knows"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'w', executor = 'tread' } } }",
    'tree.lua:3: worker "w": key "executor": unknown executor "tread", did you mean "thread"?' },
  ["an executor for the root"] = { "return luvisor.supervisor { name = 'top', executor = 'process', "
    .. "children = { first } }", 'tree.lua:3: supervisor "top": key "executor": the root runs in the host itself' },
  ["significant without auto_shutdown"] = { "return luvisor.supervisor { name = 'top', children = { first, "
    .. "luvisor.worker { name = 'w', module = 'w', significant = true, restart = 'transient' } } }",
    'tree.lua:3: worker "w": key "significant": ' },
}

describe("a script with", function()
  local directory

  before_each(function()
    directory = host.directory()
    for name, text in pairs {
      w = WORKER, broken = "local x =\nx = = 1\n", failing = "\nerror 'cannot be'", nothing = "return 7", silent = "",
      part = 'local luvisor = require "luvisor"\nreturn luvisor.supervisor { name = "part", strategy = "any" }',
      typo = WORKER:gsub('"running"', '"runnning"'),
    } do host.write(("%s/%s.lua"):format(directory, name), text) end
  end)
  after_each(host.clean_up)

  local function refuse(args, env)
    local process = host.spawn(args, env, { cwd = directory })
    local code = process:wait(10)
    assert.equal(2, code, process:output())
    assert.equal("", process:stdout())
    assert.is_nil(host.read(directory .. "/started"))
    local err = process:stderr()
    assert.equal(1, select(2, ("\n" .. err):gsub("\nluvisor: ", "")), err)
    assert.is_nil(err:find("luvisor/edge/load/generation", 1, true), err) -- it is not about luvisor's own code
    assert.is_nil(err:find("starting", 1, true))
    return err
  end

  local names = {}
  for name in pairs(CASES) do names[#names + 1] = name end
  table.sort(names)

  for _, name in ipairs(names) do
    local tag = (name == "syntax error" or name == "cycle" or name == "missing module") and " #valgrind" or ""
    it(name .. " is refused by run and by check" .. tag, function()
      local case = CASES[name]
      host.write(directory .. "/tree.lua", START .. case[1] .. "\n")
      for _, command in ipairs { "run", "check" } do
        local err = refuse { command, "tree.lua" }
        for i = 2, #case do assert.truthy(err:find(case[i], 1, true), err) end
      end
    end)
  end

  it("nothing but a name that is not there is refused", function()
    assert.truthy(refuse({ "run", "absent.lua" }):find("^luvisor: absent.lua: No such file or directory"))
  end)

  it("a directory in its place is refused", function()
    assert(uv.fs_mkdir(directory .. "/tree.lua", 493))
    assert.truthy(refuse({ "run", "tree.lua" }):find("tree.lua: Is a directory", 1, true))
  end)

  it("bytes that are no text is refused", function()
    host.write(directory .. "/tree.lua", "\27Lua\0\1\2\3")
    assert.truthy(refuse({ "run", "tree.lua" }):find("tree.lua", 1, true))
  end)

  it("a file that may not be read is refused", function()
    host.write(directory .. "/tree.lua", START .. "return luvisor.supervisor { name = 'top', children = { first } }")
    assert(uv.fs_chmod(directory .. "/tree.lua", 0))
    if io.open(directory .. "/tree.lua") then return end -- root reads everything
    assert.truthy(refuse({ "run", "tree.lua" }):find("tree.lua: Permission denied", 1, true))
  end)

  it("a bad setting in the environment is refused", function()
    host.write(directory .. "/tree.lua", START .. "return luvisor.supervisor { name = 'top', children = { first } }")
    assert.truthy(refuse({ "run", "tree.lua" }, { LUVISOR_RESTARTS = "many" }):find("LUVISOR_RESTARTS: ", 1, true))
  end)
end)
