-- SPDX-License-Identifier: Apache-2.0
-- Health checks and limits of a program, on a fake clock.

local Program = require "luvisor.machine.program"
local fake_env = require "fake_env"
local fake_process = require "fake_process"
local fake_watch = require "fake_watch"
local unit = require "luvisor.machine.unit"

local PROBE = { kind = "tcp", port = 80, text = "tcp port 80" }

local start = fake_watch.start

local function health(changes)
  local spec = { probe = PROBE, every = 30, timeout = 10, retries = 3, grace = 10, success = 1 }
  for key, value in pairs(changes or {}) do spec[key] = value end
  return { ready = { after = 0 }, health = spec }
end

local function last(list) return list[#list] end

describe("health", function()
  it("is checked after the grace, one check at a time", function()
    local _, env, _, child, fake = start(health())
    env.advance(9.9)
    assert.equal(0, #fake.attempts)
    env.advance(0.2)
    assert.equal(1, #fake.attempts)
    assert.same(child.options.env, fake.attempts[1].options().env)
    env.advance(5)
    fake.attempts[1].done(true)
    env.advance(29)
    assert.equal(1, #fake.attempts)
    env.advance(2)
    assert.equal(2, #fake.attempts)
    assert.same({}, child.sent)
  end)

  local function fail(env, fake, times)
    for _ = 1, times do
      env.advance(30)
      last(fake.attempts).done(false, "refused")
    end
  end

  it("that fails often enough in a row ends the program", function()
    local self, env, parent, child, fake = start(health { every = 30, grace = 30 })
    fail(env, fake, 2)
    env.advance(30)
    last(fake.attempts).done(true) -- the row is broken
    fail(env, fake, 2)
    assert.same({}, child.sent)
    assert.equal("RUNNING", (self:describe()))
    fail(env, fake, 1)
    assert.same({ "TERM", "CONT" }, child.sent)
    assert.same({ "RUNNING -> UNHEALTHY", "UNHEALTHY -> STOPPING" }, { env.events[3], env.events[4] })
    child:dies(0)
    assert.same({ "timeout", "health" }, { parent.exit.kind, parent.exit.deadline })
    assert.equal("timeout: health check failed 3 times, last: tcp port 80: refused", tostring(parent.exit))
    assert.is_nil(parent.exit.unproven)
    env.advance(1000)
    assert.same({}, env.timers)
  end)

  it("counts a check without an answer as failed, and calls it off", function()
    local _, env, parent, child, fake = start(health { retries = 1 })
    env.advance(20.1)
    assert.is_true(fake.attempts[1].cancelled)
    fake.attempts[1].done(true) -- too late
    child:dies(0)
    assert.equal("timeout: health check failed once, last: tcp port 80: no answer within 10 s", tostring(parent.exit))
    assert.is_true(parent.exit.unproven)
  end)

  it("of a program that nobody starts again is only told", function()
    local spec = health { retries = 1, success = 2, grace = 0 }
    spec.restart_name = "temporary"
    local self, env, _, child, fake = start(spec)
    env.advance(0)
    fake.attempts[1].done(false, "refused")
    assert.equal("UNHEALTHY", (self:describe()))
    for _ = 1, 2 do
      assert.equal("UNHEALTHY", (self:describe()))
      env.advance(30)
      last(fake.attempts).done(true)
    end
    assert.equal("RUNNING", (self:describe()))
    assert.same({}, child.sent)
  end)

  it("is over when the program is", function()
    local self, env, _, _, fake = start(health())
    env.advance(11)
    unit.ask_to_stop(self)
    assert.is_true(fake.attempts[1].cancelled)
    env.advance(5)
    fake.attempts[1].done(false, "refused")
    assert.equal(1, #fake.attempts)
  end)
end)

describe("a failed health check before any that passed", function()
  local function judged(unproven, times)
    local env = fake_env.new { random = function() return 0.5 end }
    local retries = require("luvisor.core.restart").program.permanent
    local self = { env = env, spec = { restart = retries, kind = "program", restart_name = "permanent",
      backoff = { min = 0.1, max = 60, factor = 2, jitter = 0, reset_after = 10 }, health = {} } }
    local decision, delay
    for _ = 1, times do
      env.advance(100)
      self.ready_at = env.now() - 1
      local why = require("luvisor.core.exit").new { kind = "timeout", deadline = "health", unproven = unproven }
      decision, delay = unit.judge(self, why, true, env.now())
    end
    return decision, delay
  end

  it("counts as a failed start: paced, and given up after three retries", function()
    assert.same({ "restart", 0.1 }, { judged(true, 1) })
    assert.same({ "restart", 0.4 }, { judged(true, 3) })
    assert.equal("give_up", (judged(true, 4)))
  end)

  it("does not where a check had passed (control)", function()
    assert.equal("restart", (judged(nil, 4)))
  end)
end)

describe("limits", function()
  it("end a program that holds too much, and no other", function()
    local _, env, parent, child, fake = start { max_memory = 1024 * 1024 }
    fake.bytes = 1024 * 1024
    env.advance(60)
    assert.same({}, child.sent)
    fake.bytes = 3 * 1024 * 1024
    env.advance(5)
    assert.same({ "TERM", "CONT" }, child.sent)
    child:dies(0)
    assert.equal("memory: holds 3.0 MB of at most 1.0 MB", tostring(parent.exit))
    assert.same({}, env.timers)
  end)

  it("end a program that has run long enough, not all at once", function()
    local _, env, parent, child = start { max_age = 100 }
    env.advance(99)
    assert.same({}, child.sent)
    env.advance(2)
    child:dies(0)
    assert.equal("timeout: age 1 min 40 s", tostring(parent.exit))
    local spec = { max_age = 100, name = "web", kind = "program", command = { "web" } }
    local other = fake_env.new { process = fake_process.new(), lineage = "host" }
    fake_watch.add(other)
    other.random = function() return 1 end
    unit.start(unit.new(Program, other, spec, {}))
    other.parent = nil
    assert.equal(90, other.timers[1].due)
  end)
end)
