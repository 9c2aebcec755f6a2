local fsm = require "luvisor.core.fsm"
local restart = require "luvisor.core.restart"
local spec = require "luvisor.core.spec"

local here = { file = "tree.lua", line = 12 }

local function worker(def)
  def.name, def.module = def.name or "w", def.module or "m"
  return spec.worker(def, here)
end

local function assert_refused(expected, value, message, code)
  assert.is_nil(value)
  assert.equal(expected, message)
  assert.equal("EINVAL", code)
end

describe("spec.worker", function()
  it("has OTP's defaults", function()
    local w = assert(worker {})
    assert.equal("worker", w.kind)
    assert.equal("w", w.name)
    assert.equal(here, w.where)
    assert.equal(restart.permanent, w.restart)
    assert.equal("permanent", w.restart_name)
    assert.is_false(w.restart_given)
    assert.is_true(w.autostart)
    assert.is_false(w.significant)
    assert.is_false(w.critical)
    assert.equal("coroutine", w.executor)
    assert.is_nil(w.backoff)
    assert.is_true(spec.is(w))
    assert.is_false(spec.is {})
  end)

  it("keeps what it is given", function()
    local definition, machine = {}, fsm.default()
    local policy = function() return "stop" end
    local w = assert(worker {
      name = "a.b-c_d@1", module = definition, args = { 1 }, fsm = machine, ready = "running", restart = policy,
      after = { x = "ready", ["root/y"] = "done" }, start_timeout = 3, shutdown = "kill", critical = true,
      autostart = false, on_change = "keep", tags = { "t" }, backoff = { min = 1 },
    })
    assert.equal(definition, w.module)
    assert.equal(machine, w.fsm)
    assert.equal(policy, w.restart)
    assert.is_nil(w.restart_name)
    assert.is_true(w.restart_given)
    assert.same({ x = "ready", ["root/y"] = "done" }, w.after)
    assert.equal("kill", w.shutdown)
    assert.is_false(w.autostart)
    assert.same({ "t" }, w.tags)
  end)

  it("knows a restart type by name, and that it was given", function()
    local w = assert(worker { restart = "transient" })
    assert.equal(restart.transient, w.restart)
    assert.equal("transient", w.restart_name)
    assert.is_true(w.restart_given)
    assert.is_true(worker({ restart = "permanent" }).restart_given)
  end)

  it("is small", function()
    local count = 0
    for _ in pairs(assert(worker { args = {}, after = { a = "ready" }, start_timeout = 1, shutdown = 1 })) do
      count = count + 1
    end
    assert.is_true(count < 16)
  end)

  it("names the place, the unit and the key, and the nearest known one", function()
    assert_refused('tree.lua:12: worker "poller": key "modul": unknown key, did you mean "module"?',
      spec.worker({ name = "poller", modul = "etl.poller" }, here))
    assert_refused('worker "poller": key "zzz": unknown key', spec.worker { name = "poller", zzz = 1 })
  end)

  local P = 'tree.lua:12: worker "w": '
  local cases = {
    { {}, { name = false, module = false }, 'tree.lua:12: worker: key "name": missing' },
    { { restart = "always" }, P .. 'key "restart": unknown value "always", '
      .. 'expected one of "permanent", "transient", "temporary"' },
    { { restart = "permanant" }, P .. 'key "restart": unknown value "permanant", did you mean "permanent"?' },
    { { restart = 3 }, P .. 'key "restart": expected a restart type or a policy, got number' },
    { { restart = restart.on_failure }, P .. 'key "restart": restart.on_failure makes a policy, call it' },
    { { shutdown = -1 }, P .. 'key "shutdown": expected seconds, "kill" or "infinity", got -1' },
    { { shutdown = 0 / 0 }, P .. 'key "shutdown": expected seconds, "kill" or "infinity", got ' .. tostring(0 / 0) },
    { { shutdown = 1 / 0 }, P .. 'key "shutdown": expected seconds, "kill" or "infinity", got inf' },
    { { shutdown = "brutal_kill" }, P .. 'key "shutdown": expected seconds, "kill" or "infinity", got "brutal_kill"' },
    { { shutdown = "10s" }, P .. 'key "shutdown": expected seconds, "kill" or "infinity", got "10s"' },
    { { shutdown = "kil" }, P .. 'key "shutdown": unknown value "kil", did you mean "kill"?' },
    { { shutdown = {} }, P .. 'key "shutdown": expected seconds, "kill" or "infinity", got table' },
    { { start_timeout = 0 }, P .. 'key "start_timeout": expected seconds > 0 or "infinity", got 0' },
    { { start_timeout = "x" }, P .. 'key "start_timeout": expected seconds > 0 or "infinity", got "x"' },
    { { critical = 1 }, P .. 'key "critical": expected true or false, got 1' },
    { { autostart = "yes" }, P .. 'key "autostart": expected true or false, got "yes"' },
    { { significant = true }, P .. 'key "significant": needs restart = "transient" or "temporary"' },
    { { significant = true, restart = "permanent" },
      P .. 'key "significant": needs restart = "transient" or "temporary"' },
    { { on_change = "upgrad" }, P .. 'key "on_change": unknown value "upgrad", did you mean "upgrade"?' },
    { { on_change = "x" },
      P .. 'key "on_change": unknown value "x", expected one of "upgrade", "restart", "keep"' },
    { { tags = { "a", 3 } }, P .. 'key "tags[2]": expected a string, got 3' },
    { { tags = "a" }, P .. 'key "tags": expected a list of strings, got "a"' },
    { { tags = { a = "b" } }, P .. 'key "tags": expected a list of strings, without holes and keys' },
    { { backoff = 3 }, P .. 'key "backoff": expected a table or false, got 3' },
    { { backoff = { mn = 3 } }, P .. 'key "backoff.mn": unknown key, did you mean "min"?' },
    { { backoff = { factor = 0 } }, P .. 'key "backoff.factor": must be at least 1, got 0' },
    { { backoff = { min = 3, max = 1 } }, P .. 'key "backoff.min": is more than max' },
    { { after = "db" }, P .. 'key "after": expected { name = "started"|"ready"|"done" }, got "db"' },
    { { after = { "db" } }, P .. 'key "after[1]": expected name = "started"|"ready"|"done"' },
    { { after = { ["a//b"] = "ready" } }, P .. 'key "after[a//b]": expected name = "started"|"ready"|"done"' },
    { { after = { db = "redy" } }, P .. 'key "after.db": unknown value "redy", did you mean "ready"?' },
    { { after = { db = true } },
      P .. 'key "after.db": expected one of "started", "ready", "done", got boolean' },
    { { module = 3 }, P .. 'key "module": expected the name of a module or a definition, got 3' },
    { { module = "" }, P .. 'key "module": must not be empty' },
    { { args = "x" }, P .. 'key "args": expected a table, got "x"' },
    { { fsm = {} }, P .. 'key "fsm": expected a machine made with luvisor.fsm, got table' },
    { { fsm = fsm.default(), ready = "runing" },
      P .. 'key "ready": unknown state "runing", did you mean "running"?' },
    { { fsm = fsm.default(), ready = "crashed" }, P .. 'key "ready": state "crashed" is terminal' },
    { { ready = {} }, P .. 'key "ready": expected a string, got table' },
    { { heartbeat = 0 }, P .. 'key "heartbeat": expected seconds > 0 or { state = seconds }, got 0' },
    { { heartbeat = { running = "1" } }, P .. 'key "heartbeat.running": expected seconds > 0, got "1"' },
    { { memory = "64XB" }, P .. 'key "memory": expected a size (bytes or text such as "64MB"), got "64XB"' },
    { { memory = "64MB" }, P .. 'key "memory": needs executor = "thread" or "process"' },
    { { executor = { start = print } }, P .. 'key "executor.kill": missing' },
    { { executor = { start = print, kil = print } },
      P .. 'key "executor.kil": unknown key, did you mean "kill"?' },
    { { executor = { start = print, kill = 1 } }, P .. 'key "executor.kill": expected a function, got number' },
    { { executor = "coroutin" }, P .. 'key "executor": unknown executor "coroutin", did you mean "coroutine"?' },
    { { executor = "thread", nice = 3 }, P .. 'key "nice": needs executor = "process"' },
    { { user = "nobody" }, P .. 'key "user": needs executor = "process"' },
    { { after = print }, P .. 'key "after": expected { name = "started"|"ready"|"done" }, got function' },
    { { [1] = "x" }, P .. "unexpected value at position 1" },
    { { [true] = "x" }, P .. 'key "true": unknown key' },
  }
  for _, case in ipairs(cases) do
    local expected = case[3] or case[2]
    it("refuses: " .. expected, function()
      local def = case[1]
      if case[3] then
        assert_refused(expected, spec.worker(def, here))
      else
        assert_refused(expected, worker(def))
      end
    end)
  end

  it("wants a module and a table", function()
    assert_refused('tree.lua:12: worker "w": key "module": missing', spec.worker({ name = "w" }, here))
    assert_refused("tree.lua:12: worker: expected a table, got nil", spec.worker(nil, here))
    assert_refused('tree.lua:12: worker: expected a table, got "w"', spec.worker("w", here))
  end)

  it("reports the same fault of several each time, the name first", function()
    assert_refused('tree.lua:12: worker "a b": key "name": not a name: "a b" (up to 64 of letters, digits, "_", ".", '
      .. '"@", "-"; the first a letter, digit or "_")', spec.worker({ aaa = 1, name = "a b", zzz = 2 }, here))
    assert_refused('tree.lua:12: worker "w": key "aaa": unknown key',
      spec.worker({ zzz = 1, name = "w", aaa = 1, module = 5 }, here))
  end)
end)

describe("names", function()
  for _, name in ipairs { "a", "0", "_", "a.b", "a-b", "a@b", ("x"):rep(64) } do
    it("may be " .. name, function() assert.equal(name, assert(worker { name = name }).name) end)
  end
  local bad = {
    "", "a/b", "a:b", "a b", ".a", "-a", "@a", "a\n", "a\0", "\xc3\xa4", ("x"):rep(65), ("x"):rep(500),
  }
  for _, name in ipairs(bad) do
    it(("may not be %q"):format(name:sub(1, 70)), function()
      local w, message = worker { name = name }
      assert.is_nil(w)
      assert.matches('key "name": not a name: ', message, 1, true)
      assert.is_nil(message:find("[\n\0]"))
    end)
  end
end)
