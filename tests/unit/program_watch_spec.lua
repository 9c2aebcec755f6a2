-- SPDX-License-Identifier: Apache-2.0
-- Readiness of a program, what it says of itself, and its watchdog, on a fake clock.

local inspect = require "luvisor.machine.inspect"
local fake_watch = require "fake_watch"
local unit = require "luvisor.machine.unit"

local PROBE = { kind = "tcp", port = 80, text = "tcp port 80" }

local start = fake_watch.start

local function last(list) return list[#list] end

local function variables(child)
  local found = {}
  for _, item in ipairs(child.options.env) do found[item:match "^(.-)="] = item:match "=(.*)$" end
  return found
end

describe("readiness", function()
  it("by a probe tries again until it passes, and only then", function()
    local _, env, parent, _, fake = start { ready = { probe = PROBE, timeout = 10 }, start_timeout = 60 }
    fake.attempts[1].done(false, "refused")
    assert.equal(1, #fake.attempts)
    env.advance(0.11)
    fake.attempts[2].done(false, "refused")
    env.advance(9)
    assert.equal(3, #fake.attempts)
    assert.is_nil(fake.attempts[3].cancelled)
    env.advance(1.5) -- no answer within 10 s: once more
    assert.is_true(fake.attempts[3].cancelled)
    assert.equal(4, #fake.attempts)
    last(fake.attempts).done(true)
    assert.same({ "ready" }, parent.told)
    last(fake.attempts).done(true)
    env.advance(100)
    assert.same({ "ready" }, parent.told)
    assert.same({}, env.timers)
  end)

  it("that is missed is a failed start, which says why the probe failed", function()
    local _, env, parent, child, fake = start { ready = { probe = PROBE, timeout = 10 }, start_timeout = 2 }
    fake.attempts[1].done(false, "refused")
    env.advance(2.1)
    assert.same({ "KILL" }, child.sent)
    assert.is_true(fake.attempts[2].cancelled)
    child:dies(nil, 9)
    assert.equal("timeout: not ready within 2 s: tcp port 80: refused", tostring(parent.exit))
    assert.same({ "start", false }, { parent.exit.deadline, parent.was_ready })
    assert.same({}, env.timers)
  end)

  it("is not probed any more when the program stops or ends", function()
    local self, _, _, _, fake = start { ready = { probe = PROBE, timeout = 10 } }
    unit.ask_to_stop(self)
    assert.is_true(fake.attempts[1].cancelled)
    local _, env, parent, child, other = start { ready = { probe = PROBE, timeout = 10 } }
    child:dies(1)
    assert.is_true(other.attempts[1].cancelled)
    other.attempts[1].done(true)
    env.advance(100)
    assert.same({ "ended" }, parent.told)
  end)

  it("by a line hears no other line, and each until then", function()
    local _, env, parent, child = start { ready = { line = "^up %d" } }
    assert.is_true(child.options.on_line "going up 1")
    assert.is_false(child.options.on_line "up 1")
    env.advance(0)
    assert.same({ "ready" }, parent.told)
    assert.is_false(child.options.on_line "up 2")
  end)

  it("by a descriptor is a line end", function()
    local _, _, parent, child, fake = start { ready = { fd = 5 } }
    assert.same({ [5] = 77 }, child.options.fds)
    assert.is_true(fake.pipes[1].is_started)
    fake.pipes[1].write "not yet"
    assert.same({}, parent.told)
    fake.pipes[1].write "\n"
    assert.same({ "ready" }, parent.told)
    assert.is_true(fake.pipes[1].closed)
  end)

  it("by a descriptor that is closed is said to be hopeless", function()
    local _, env, parent, _, fake = start { ready = { fd = 3 } }
    fake.pipes[1].write(nil)
    assert.truthy(last(env.logged):find("closed fd 3", 1, true))
    assert.same({}, parent.told)
  end)
end)

describe("notifications", function()
  it("make it ready, by the socket that only it was told of", function()
    local _, env, parent, child, fake = start { ready = { notify = true } }
    assert.equal("@socket", variables(child).NOTIFY_SOCKET)
    assert.is_nil(variables(child).WATCHDOG_USEC)
    fake.say(999, "READY=1")
    env.advance(5)
    assert.same({}, parent.told)
    fake.say(child:pid(), "READY=1\nSTATUS=up")
    assert.same({ "ready" }, parent.told)
    local _, _, _, other, deaf = start { ready = { after = 1 } }
    assert.is_nil(variables(other).NOTIFY_SOCKET)
    assert.same({}, deaf.listeners)
  end)

  it("extend the start and the end", function()
    local self, env, _, child, fake = start { ready = { notify = true }, start_timeout = 2, shutdown = 2 }
    fake.say(100, "EXTEND_TIMEOUT_USEC=5000000")
    env.advance(4)
    assert.same({}, child.sent)
    fake.say(100, "EXTEND_TIMEOUT_USEC=1") -- never shorter
    fake.say(100, "READY=1")
    unit.ask_to_stop(self)
    fake.say(100, "EXTEND_TIMEOUT_USEC=3000000")
    env.advance(2.5)
    assert.same({ "TERM", "CONT" }, child.sent)
    env.advance(1)
    assert.equal("KILL", last(child.sent))
  end)

  it("tell status, errno and a stop of its own accord, which is bounded", function()
    local self, env, parent, child, fake = start { ready = { notify = true }, shutdown = 3 }
    fake.say(100, "READY=1\nSTATUS=serving\nERRNO=5")
    assert.same({ "RUNNING", 100, "serving" }, { self:describe() })
    fake.say(100, "STOPPING=1")
    assert.equal("STOPPING", (self:describe()))
    assert.same({}, child.sent)
    env.advance(3.1)
    assert.same({ "KILL" }, child.sent)
    child:dies(nil, 9)
    assert.same({ "signal", 5, "serving" }, { parent.exit.kind, parent.exit.errno, parent.exit.status })
    assert.equal(5, inspect.exit(parent.exit).errno)
    assert.same({}, fake.listeners)
  end)

  it("move the main pid only to one of its own processes", function()
    local self, env, _, _, fake = start { ready = { notify = true } }
    fake.say(100, "MAINPID=4711")
    assert.same({ "STARTING", 100 }, { self:describe() })
    assert.truthy(last(env.logged):find("MAINPID=4711", 1, true))
  end)

  it("of a program that is gone change nothing", function()
    local _, _, parent, child, fake = start { ready = { notify = true } }
    local say = fake.listeners[100]
    child:ends(0)
    say "READY=1"
    child:empties()
    say "READY=1"
    assert.same({ "ended" }, parent.told)
  end)
end)

describe("the watchdog", function()
  it("that was never fed makes a start that failed, and one that was does not", function()
    for _, fed in ipairs { false, true } do
      local _, env, parent, child, fake = start { ready = { after = 0 }, watchdog = 2 }
      env.advance(0)
      if fed then fake.say(100, "WATCHDOG=1") end
      env.advance(2.1)
      child:dies(nil, 6)
      assert.equal(not fed or nil, parent.exit.unproven)
    end
  end)

  it("is told to the program, and content while it is fed", function()
    local _, env, _, child, fake = start { ready = { after = 0 }, watchdog = 2.5 }
    assert.equal("2500000", variables(child).WATCHDOG_USEC)
    for _ = 1, 10 do
      env.advance(2)
      fake.say(100, "WATCHDOG=1")
    end
    assert.same({}, child.sent)
  end)

  it("aborts a program that is silent, and kills it when its shutdown time is over", function()
    local _, env, parent, child = start { ready = { after = 0 }, watchdog = 2, shutdown = 3 }
    env.advance(2.1)
    assert.same({ "ABRT", "CONT" }, child.sent)
    env.advance(3)
    assert.equal("KILL", last(child.sent))
    child:dies(nil, 9)
    assert.same({ "timeout", "watchdog", 2, true },
      { parent.exit.kind, parent.exit.deadline, parent.exit.seconds, parent.was_ready })
  end)

  it("waits for the program to be ready, and lets itself be triggered and set", function()
    local _, env, _, child, fake = start { ready = { notify = true }, watchdog = 2 }
    env.advance(10)
    fake.say(100, "READY=1\nWATCHDOG_USEC=20000000")
    env.advance(15)
    assert.same({}, child.sent)
    fake.say(100, "WATCHDOG=trigger")
    assert.same({ "ABRT", "CONT" }, child.sent)
  end)

  it("leaves alone who is being stopped", function()
    local self, env, _, child = start { ready = { after = 0 }, watchdog = 2, shutdown = 100 }
    env.advance(1)
    unit.ask_to_stop(self)
    env.advance(50)
    assert.same({ "TERM", "CONT" }, child.sent)
  end)
end)
