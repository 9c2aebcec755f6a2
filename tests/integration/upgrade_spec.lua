-- SPDX-License-Identifier: Apache-2.0
-- New code for workers that run, wherever they run: each case with one worker on each executor, told apart by its name
-- alone, and the same worker within a supervisor on a thread.

local executors = require "executors"
local host = require "host"
local json = require "host.json"

local NAMES, PATHS = { "c", "t", "p", "x", "in" }, { "c", "t", "p", "x", "s/in" }
local LIST = '"' .. table.concat(NAMES, '", "') .. '"'

-- What a worker knows of itself, what it was sent, and what waits in its mailbox. SAYS, VERSION and UPGRADE change.
local MODULE = [[
local luvisor = require "luvisor"
local worker = require "luvisor.worker"
BROKEN
local W = worker.define { version = VERSION, fsm = luvisor.fsm {
  initial = "starting",
  transitions = { starting = { run = "running" }, running = { rest = "STATE", complete = luvisor.fsm.OK },
    STATE = { complete = luvisor.fsm.OK } },
  timeouts = { heartbeat = { running = 20, STATE = 20 } },
} }
W:actor("starting", function(self)
  self.data, self.field = { sum = 0, count = 0, made = VERSION }, "kept"
  return "run"
end)
W:actor("running", { every = 0.01 }, function(self)
  if self.stopping then return "complete" end
  return self.args.rest and "rest" or "keepalive"
end)
W:actor("STATE", { every = 0.01 }, function(self) return self.stopping and "complete" or "keepalive" end)
W:cast("add", function(self, n) self.data.sum, self.data.count = self.data.sum + n, self.data.count + 1 end)
W:call("tell", function(self)
  local data = self.data
  return ("VERSION made %s field %s generation %d state %s sum %s mapped %s"):format(data.made, self.field,
    self.generation, self.state, data.sum, tostring(data.mapped))
end)
W:call("count", function(self) return self.data.count end)
W:call("taken", function(self) return tostring((self:receive(nil, 0))) end)
UPGRADE
return W
]]

local MAPS = "W:upgrade(function(_, version, data) data.mapped = version return data end)"

local TREE = [[
luvisor.defaults { load_timeout = LIMIT }
local keys = ARGS
return luvisor.supervisor { name = "root", children = {
  luvisor.worker { name = "c", module = "it", args = keys },
  luvisor.worker { name = "t", module = "it", args = keys, executor = "thread" },
  luvisor.worker { name = "p", module = "it", args = keys, executor = "process" },
  luvisor.worker { name = "x", module = "it", args = keys, executor = "shell" },
  luvisor.supervisor { name = "s", executor = "thread", children = {
    luvisor.worker { name = "in", module = "it", args = keys },
    luvisor.worker { name = "other", module = "plain", args = { text = "o" } }, MORE } },
} }
]]

-- Sends to all of them until it is told that that will do.
local ADDS = [[
local Adds = require("luvisor.worker").define { version = 1 }
local NAMES = { %s }
Adds:actor("running", { every = 0.005 }, function(self)
  if self.stopping or self.enough then return self.stopping and "complete" or "keepalive" end
  self.sent = (self.sent or 0) + 1
  for _, name in ipairs(NAMES) do assert(self:cast(name, "add", 1)) end
  return "keepalive"
end)
Adds:call("enough", function(self)
  self.enough = true
  self.log:info("all sent: %%d", self.sent)
end)
return Adds
]]

describe("an upgrade, on every executor,", function()
  local process

  before_each(executors.set_up)
  after_each(executors.clean_up)

  local function fill(text, keys)
    return (text:gsub("%u%u%u%u+", keys))
  end

  local function write(keys)
    local all = { VERSION = "1", STATE = "resting", UPGRADE = MAPS, BROKEN = "", ARGS = "{}", MORE = "",
      LIMIT = "60" }
    for name, value in pairs(keys) do all[name] = value end
    executors.write_module("it", fill(MODULE, all))
    executors.write_module("adds", ADDS:format(LIST))
    executors.write(fill(TREE, all))
  end

  local function luvisor(...)
    local arguments = { ... }
    table.insert(arguments, 2, "--socket")
    table.insert(arguments, 3, executors.directory() .. "/host.sock")
    return host.run(arguments, nil, 60)
  end

  -- Evaluates it in the host for each worker, `n` being its name; what it prints.
  local function each(code)
    local loop = ("for _, n in ipairs { %s } do %s end"):format(LIST, code)
    local status, out, err = luvisor("repl", "-e", loop)
    assert.equal(0, status, err)
    return out
  end

  local function tell()
    return each "print(n, (luvisor.call(n, 'tell')))"
  end

  local function all_say(...)
    local list = {}
    for i, name in ipairs(NAMES) do list[i] = name .. "\t" .. table.concat({ ... }, " ") .. "\n" end
    return table.concat(list)
  end

  local function units()
    local list = {}
    local _, out = luvisor("status", "--json")
    for _, unit in ipairs(json.decode(out).units) do
      list[#list + 1] = ("%s %s %s"):format(unit.path, unit.generation, tostring(unit.pid))
    end
    return table.concat(list, "\n")
  end

  local function start(keys)
    write(keys or {})
    local where = executors.directory()
    process = host.spawn({ "run", "--socket", where .. "/host.sock", "tree.lua" }, nil, { cwd = where })
    process:expect("root starting %-> running", 30)
  end

  local function reload(expected, keys)
    write(keys)
    local code, out, err = luvisor "reload"
    for _, path in ipairs(PATHS) do assert.truthy(out:find(expected:format(path), 1, true), out .. err) end
    return code, err
  end

  local UPGRADE = "~ root/%s  upgrade (code of module it"
  local RESTS = { ARGS = "{ rest = true }" }

  local function with(keys, more)
    for name, value in pairs(more) do keys[name] = value end
    return keys
  end

  it("keeps runtime, pid, state, data, fields and mailbox", function()
    start(RESTS)
    process:expect("running %-> resting", 10, #NAMES)
    each "luvisor.cast(n, 'add', 5) luvisor.send(n, 'waits')"
    local before = units()
    assert.equal(all_say "1 made 1 field kept generation 1 state resting sum 5 mapped nil", tell())
    assert.equal(0, (reload(UPGRADE, with({ VERSION = "2" }, RESTS))))
    assert.equal(all_say "2 made 1 field kept generation 1 state resting sum 5 mapped 1", tell())
    assert.equal(before, units())
    assert.equal(all_say "waits", each "print(n, (luvisor.call(n, 'taken')))")
    assert.equal("nothing has changed\n", select(2, luvisor "reload"))
    assert.equal(0, process:stop())
  end)

  it("does not happen to one that has no upgrade, which starts anew: the control arm", function()
    start { UPGRADE = "" }
    each "luvisor.cast(n, 'add', 5)"
    assert.equal(0, (reload("! root/%s  restart (code of module it changed)\n", { UPGRADE = "", VERSION = "2" })))
    process:expect("root/[cxpt/sin]+ starting %-> running", 20, 2 * #NAMES)
    assert.equal(all_say "2 made 2 field kept generation 2 state running sum 0 mapped nil", tell())
    assert.truthy(units():find "root/s 1 ")
    assert.equal(0, process:stop())
  end)

  it("that fails leaves the old code and all it has, and the next one tries again (3.68)", function()
    start(RESTS)
    process:expect("running %-> resting", 10, #NAMES)
    each "luvisor.cast(n, 'add', 5) luvisor.send(n, 'waits')"
    local before = units()
    for what, one in pairs {
      ["as ordered"] = {
        UPGRADE = "W:upgrade(function(self, _, data) data.sum, self.field = 0, 0 error 'as ordered' end)",
      },
      ["expected the data, a table, got nothing"] = { UPGRADE = "W:upgrade(function() end)" },
      ['the new machine has no state "resting"'] = { STATE = "dozing" },
    } do
      local code, err = reload(UPGRADE, with(with({ VERSION = "2" }, RESTS), one))
      assert.equal(1, code)
      for _, path in ipairs(PATHS) do
        assert.truthy(err:find(("root/%s: [^\n]*"):format(path) .. what), err)
      end
      assert.equal(all_say "1 made 1 field kept generation 1 state resting sum 5 mapped nil", tell())
    end
    assert.equal(before, units())
    assert.equal(0, (reload(UPGRADE, with({ VERSION = "2" }, RESTS))))
    assert.equal(all_say "2 made 1 field kept generation 1 state resting sum 5 mapped 1", tell())
    assert.equal(all_say "waits", each "print(n, (luvisor.call(n, 'taken')))")
    assert.equal(0, process:stop())
  end)

  it("whose code cannot be loaded where the worker is changes nothing there", function()
    local INSIDE = "if package.loaded['luvisor.edge.guest'] then %s end"
    local LIMIT = ("%g"):format(2 * host.slowness)
    start { LIMIT = LIMIT }
    local before = units()
    for message, code in pairs {
      ["not here"] = "error('not here')", [("loading takes more than %s s"):format(LIMIT)] = require "spin",
    } do
      local status, err = reload(UPGRADE, { VERSION = "2", BROKEN = INSIDE:format(code), LIMIT = LIMIT })
      assert.equal(1, status)
      for _, path in ipairs { "t", "p", "x", "s" } do
        assert.truthy(err:find(("root/%s: [^\n]*"):format(path) .. message), err)
      end
      local numbers = tell():gsub("[^\n]*\t(%d made 1)[^\n]*", "%1")
      assert.equal("2 made 1\n" .. ("1 made 1\n"):rep(4), numbers)
      reload("", { LIMIT = LIMIT })
    end
    assert.equal(before, units())
    assert.equal(0, process:stop())
  end)

  it("loses no message, whether it works or not", function()
    local SENDER = "luvisor.worker { name = 'sender', module = 'adds' }"
    start { MORE = SENDER }
    for version = 2, 7 do
      local fails = version % 2 == 0
      local code = reload(UPGRADE, { VERSION = tostring(version), MORE = SENDER,
        UPGRADE = fails and "W:upgrade(function() error 'no' end)" or MAPS })
      assert.equal(fails and 1 or 0, code)
    end
    luvisor("repl", "-e", "luvisor.call('sender', 'enough')")
    local sent = process:expect("all sent: (%d+)", 20)
    assert.is_true(tonumber(sent) > 10, sent)
    assert.equal(all_say(sent), each "print(n, (luvisor.call(n, 'count')))")
    assert.equal(0, process:stop())
  end)

  it("of a supervisor elsewhere touches just the units in it that have changed", function()
    start {}
    process:expect("root/s/other third turn", 20)
    write { MORE = "luvisor.worker { name = 'new', module = 'plain', tags = { 'x' }, args = { text = 'n' } }" }
    assert.equal("+ root/s/new  added\n", select(2, luvisor "reload"))
    process:expect("root/s/new starting %-> running", 20)
    assert.truthy(select(2, luvisor("status", "@x")):find "new")
    write { ARGS = "{ more = 1 }" }
    local _, out = luvisor "reload"
    assert.truthy(out:find("- root/s/new  removed\n~ root/s/in  upgrade (args changed)\n", 1, true), out)
    process:expect("root/s/new stopped", 20)
    assert.falsy(units():find "root/s/new")
    assert.truthy(units():find("root/s/in 1 nil\nroot/s/other 1 nil", 1, true), units())
    assert.equal(0, process:stop())
  end)
end)
