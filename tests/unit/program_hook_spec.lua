-- SPDX-License-Identifier: Apache-2.0
-- Hooks, stop commands and reload of a program, on a fake clock.

local fake_watch = require "fake_watch"
local hooks = require "luvisor.core.spec.hooks"
local unit = require "luvisor.machine.unit"

local start = fake_watch.start

local function hook(text, rule)
  return { text = text, fn = print, timeout = 10, on_failure = rule or "ignore" }
end

local function hooked(name, rule)
  return { [name] = hook(name, rule) }
end

local COMMAND = { kind = "exec", command = { "bye" }, text = "exec bye" }
local READY = { after = 0 }

local function states(env) return table.concat(env.events, ", ") end

describe("the hook before start", function()
  it("comes before the launch", function()
    local _, env, _, child, fake = start { ready = READY, hooks = hooked("before start", "abort") }
    assert.is_nil(child)
    assert.same({ "hook", "before start", 1 },
      { fake.attempts[1].probe.kind, fake.attempts[1].probe.text, fake.attempts[1].probe.event.generation })
    fake.attempts[1].done(true)
    assert.equal(1, #env.process.spawned)
    env.advance(0)
    assert.equal("STOPPED -> STARTING, STARTING -> RUNNING", states(env))
  end)

  it("makes the start fail when it fails, or takes too long", function()
    for _, way in ipairs { "error", "time" } do
      local self, env, parent, _, fake = start { hooks = hooked("before start", "abort") }
      if way == "error" then fake.attempts[1].done(false, "no disk") else env.advance(10.1) end
      env.advance(0)
      assert.same({ "ended" }, parent.told)
      assert.equal("error", parent.exit.kind)
      assert.is_false(parent.was_ready)
      assert.truthy(parent.exit.message:find("^before start: "))
      assert.equal(0, #env.process.spawned)
      assert.equal("EXITED", (self:describe()))
      assert.same({}, env.timers)
    end
  end)

  it("is only lamented where its failure is to be ignored", function()
    local _, env, _, _, fake = start { hooks = hooked("before start", "ignore") }
    fake.attempts[1].done(false, "no disk")
    assert.equal(1, #env.process.spawned)
    assert.equal("error before start: no disk", env.logged[2])
  end)

  it("is called off by a stop, and by a kill", function()
    for _, how in ipairs { "ask_to_stop", "ask_to_kill" } do
      local self, env, parent, _, fake = start { hooks = hooked("before start", "abort") }
      unit[how](self)
      env.advance(0)
      assert.is_true(fake.attempts[1].cancelled)
      assert.same({ "stopped" }, parent.told)
      fake.attempts[1].done(true)
      env.advance(100)
      assert.equal(0, #env.process.spawned)
      assert.same({}, env.timers)
    end
  end)
end)

describe("the hook after start", function()
  it("ends the program only where it was told to", function()
    for rule, sent in pairs { abort = { "TERM", "CONT" }, ignore = {} } do
      local _, env, _, child, fake = start { ready = READY, hooks = hooked("after start", rule) }
      env.advance(0)
      fake.attempts[1].done(false, "nobody listens")
      assert.same(sent, child.sent)
    end
  end)

  it("is called off when the program ends meanwhile", function()
    local _, env, parent, child, fake = start { ready = READY, hooks = hooked("after start", "abort") }
    env.advance(0)
    child:dies(3)
    assert.is_true(fake.attempts[1].cancelled)
    assert.same({ "ready", "ended" }, parent.told)
    assert.same({}, env.timers)
  end)
end)

describe("the hook before stop", function()
  it("comes before the signal, which comes whatever it says", function()
    for _, way in ipairs { "pass", "fail", "time" } do
      local self, env, parent, child, fake = start { ready = READY, hooks = hooked "before stop" }
      env.advance(0)
      unit.ask_to_stop(self)
      assert.same({ "STOPPING", {} }, { (self:describe()), child.sent })
      if way == "time" then env.advance(10.1) else fake.attempts[1].done(way == "pass", "no") end
      assert.same({ "TERM", "CONT" }, child.sent)
      child:dies(nil, 15)
      assert.same({ "ready", "stopped" }, parent.told)
      assert.same({}, env.timers)
    end
  end)

  it("holds back the report of a program that ends meanwhile", function()
    local self, env, parent, child, fake = start { ready = READY, hooks = hooked "before stop" }
    env.advance(0)
    unit.ask_to_stop(self)
    child:dies(0)
    assert.same({ "ready" }, parent.told)
    fake.attempts[1].done(true)
    assert.same({ "ready", "stopped" }, parent.told)
  end)

  it("gives way to a kill, before the program has ended and after", function()
    local self, env, parent, child, fake = start { ready = READY, hooks = hooked "before stop" }
    env.advance(0)
    unit.ask_to_stop(self)
    unit.ask_to_kill(self)
    assert.is_true(fake.attempts[1].cancelled)
    assert.same({ "KILL" }, child.sent)
    child:dies(nil, 9)
    assert.same({ "ready", "stopped" }, parent.told)
    self, env, parent, child = start { ready = READY, hooks = hooked "before stop" }
    env.advance(0)
    unit.ask_to_stop(self)
    child:dies(0)
    unit.ask_to_kill(self)
    assert.same({ "ready", "stopped" }, parent.told)
    assert.same({}, env.timers)
  end)
end)

describe("the hooks after stop and fail", function()
  local function both() return { ["after stop"] = hook "after stop", ["after fail"] = hook "after fail" } end

  it("come when all is gone, the second only for what has failed", function()
    local _, env, parent, child, fake = start { ready = READY, hooks = both() }
    env.advance(0)
    child:ends(3)
    assert.equal(0, #fake.attempts)
    child:empties()
    assert.same({ "after fail", 3 }, { fake.attempts[1].probe.text, fake.attempts[1].probe.event.exit.code })
    fake.attempts[1].done(false, "no mail")
    assert.equal("after stop", fake.attempts[2].probe.text)
    assert.same({ "ready" }, parent.told)
    fake.attempts[2].done(true)
    assert.same({ "ready", "ended" }, parent.told)
    assert.same({}, env.timers)
  end)

  it("tell a stop from a failure, and a launch that fails is one", function()
    local self, env, parent, child, fake = start { ready = READY, hooks = both() }
    env.advance(0)
    unit.ask_to_stop(self)
    child:dies(nil, 15)
    assert.same({ 1, "after stop" }, { #fake.attempts, fake.attempts[1].probe.text })
    fake.attempts[1].done(true)
    assert.same({ "ready", "stopped" }, parent.told)
    env.process.failure = { "execve: No such file or directory: web", "ENOENT", "execve" }
    unit.start(self)
    env.advance(0)
    assert.equal("after fail", fake.attempts[2].probe.text)
    assert.equal("spawn", fake.attempts[2].probe.event.exit.kind)
  end)

  it("are called off by a kill, and nobody waits for them in vain", function()
    local self, env, parent, child, fake = start { ready = READY, hooks = both() }
    env.advance(0)
    unit.ask_to_stop(self)
    child:dies(nil, 15)
    unit.ask_to_kill(self)
    env.advance(0)
    assert.is_true(fake.attempts[1].cancelled)
    assert.same({ "ready", "stopped" }, parent.told)
    local _, other, told, dying = start { ready = READY, hooks = both() }
    other.advance(0)
    dying:dies(1)
    other.advance(25)
    assert.same({ "ready", "ended" }, told.told)
    assert.same({}, other.timers)
  end)
end)

describe("a stop command", function()
  it("comes before the signal, and has half of the time", function()
    local stop = { signal = "INT", command = COMMAND }
    local self, env, _, child, fake = start { ready = READY, shutdown = 4, stop = stop }
    env.advance(0)
    unit.ask_to_stop(self)
    assert.same({ COMMAND, {} }, { fake.attempts[1].probe, child.sent })
    env.advance(2.1)
    assert.is_true(fake.attempts[1].cancelled)
    assert.same({ "INT", "CONT" }, child.sent)
    env.advance(2)
    assert.same({ "INT", "CONT", "KILL" }, child.sent)
  end)

  it("is waited for when the program ends by it, and is not run where there is no time", function()
    local self, env, parent, child, fake = start { ready = READY, shutdown = 4, stop = { command = COMMAND } }
    env.advance(0)
    unit.ask_to_stop(self)
    child:dies(0)
    assert.same({ "ready" }, parent.told)
    fake.attempts[1].done(true)
    assert.same({ "ready", "stopped" }, parent.told)
    assert.same({}, env.timers)
    local other, _, _, killed, none = start { ready = READY, shutdown = "kill", stop = { command = COMMAND } }
    unit.ask_to_stop(other)
    assert.same({ { "KILL" }, 0 }, { killed.sent, #none.attempts })
  end)
end)

describe("a reload", function()
  local function reply_of(self)
    local said
    self:reload(function(...) said = table.pack(...) end)
    return function() return said and { table.unpack(said, 1, said.n) } end
  end

  it("by a signal goes to the leader, once it is up", function()
    local self, env, _, child = start { ready = READY, reload = { signal = "HUP" } }
    assert.same({ nil, "web is not running", "NOT_RUNNING" }, reply_of(self)())
    env.advance(0)
    assert.same({ true }, reply_of(self)())
    assert.same({ { "HUP" }, {} }, { child.told, child.sent })
  end)

  it("by a command answers when that has ended", function()
    local self, env, _, _, fake = start { ready = READY, reload = { command = COMMAND, timeout = 3 } }
    env.advance(0)
    local first, second = reply_of(self), reply_of(self)
    assert.same({ nil, "web is being reloaded already", "BUSY" }, second())
    fake.attempts[1].done(true)
    assert.same({ true }, first())
    local third = reply_of(self)
    env.advance(3.1)
    assert.same({ nil, "exec bye: no answer within 3 s", "FAILED" }, third())
    assert.equal("RUNNING", (self:describe()))
  end)

  it("that fails before it has begun is over: it can be told again, and ends", function()
    local self, env, _, child = start { ready = READY, reload = { command = COMMAND, timeout = 3 } }
    env.advance(0)
    env.probes.run = function(_, _, _, done)
      done(false, "execve: No such file")
      return function() end
    end
    for _ = 1, 2 do assert.same({ nil, "exec bye: execve: No such file", "FAILED" }, reply_of(self)()) end
    unit.ask_to_stop(self)
    assert.same({ "TERM", "CONT" }, child.sent)
  end)

  it("is answered when the program ends meanwhile, and refused where there is none", function()
    local self, env, _, child = start { ready = READY, reload = { command = COMMAND, timeout = 3 } }
    env.advance(0)
    local reply = reply_of(self)
    child:dies(1)
    assert.same({ nil, "web ended before it was reloaded", "NOT_RUNNING" }, reply())
    assert.same({}, env.timers)
    self = start { ready = READY }
    assert.same({ nil, 'web: has no key "reload"', "UNSUPPORTED" }, reply_of(self)())
  end)
end)

describe("the time that hooks take", function()
  it("is added to what a supervisor allows for a stop", function()
    assert.equal(0, hooks.stop_time {})
    assert.equal(20, hooks.stop_time { hooks = { ["before stop"] = hook "x", ["after stop"] = hook "y",
      ["after start"] = hook "z" } })
  end)
end)
