-- SPDX-License-Identifier: Apache-2.0
-- When a unit is due, and what is done then: with a clock on the wall that jumps.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local schedule = require "luvisor.core.schedule"
local cron = require "luvisor.core.cron"
local spec = require "luvisor.core.spec"
local worlds = require "world"

local function utc(t) return os.date("!*t", t) end
local NOON = 1763726400 -- 2025-11-21 12:00 UTC
local HOUR = 3600

describe("a schedule by cron", function()
  local function every_hour(wall) return schedule.new({ cron = cron.parse "0 * * * *" }, wall, 0, utc) end

  it("is due when the clock is there, and says how long to wait", function()
    local self = every_hour(NOON - 10)
    assert.same({ false, 10 }, { schedule.look(self, NOON - 10, 0) })
    assert.same({ true, 30 }, { schedule.look(self, NOON, 10) })
    assert.same({ false, 30 }, { schedule.look(self, NOON + 1, 11) })
    assert.equal(NOON + HOUR, schedule.next_at(self, NOON + 1, 11))
  end)

  it("is due once after a jump ahead, however far", function()
    local self = every_hour(NOON + 1)
    assert.is_true((schedule.look(self, NOON + 50 * HOUR + 5, 1)))
    assert.is_false((schedule.look(self, NOON + 50 * HOUR + 6, 2)))
    assert.equal(NOON + 51 * HOUR, self.next)
  end)

  it("is not due again after a jump back, unless that is a long one", function()
    local self = every_hour(NOON - 1)
    assert.is_true((schedule.look(self, NOON, 1)))
    assert.is_false((schedule.look(self, NOON - 2 * HOUR, 2)))
    assert.is_false((schedule.look(self, NOON - HOUR, 3)))
    assert.is_false((schedule.look(self, NOON, 4)))
    assert.is_false((schedule.look(self, NOON - 4 * HOUR, 5)))
    assert.is_true((schedule.look(self, NOON - 3 * HOUR, 6)))
  end)
end)

describe("a schedule by interval", function()
  it("knows no other clock than the monotonic one, and keeps its beat", function()
    local self = schedule.new({ every = 10 }, NOON, 100, utc)
    assert.same({ false, 10 }, { schedule.look(self, NOON, 100) })
    assert.is_false((schedule.look(self, NOON + 9 * HOUR, 109)))
    assert.same({ true, 9 }, { schedule.look(self, 0, 111) })
    assert.same({ true, 6 }, { schedule.look(self, 0, 154) })
    assert.equal(NOON + 6, schedule.next_at(self, NOON, 154))
  end)

  it("is due when its time has come, however that is rounded", function()
    local late = 0
    for tick = 16280000, 16390000, 7 do -- where doubles lose a bit
      local begun, now = tick * 1000000 / 1e9, (tick * 1000000 + 100000000000) / 1e9
      local self = schedule.new({ every = 100 }, NOON, begun, utc)
      if now < begun + 100 then late = late + 1 end
      local due, wait = schedule.look(self, NOON, now)
      assert.is_true(due)
      assert.is_true(wait > 99 and wait < 101)
    end
    assert.is_true(late > 0) -- the control: plain comparison would have missed these
  end)
end)

describe("a scheduled unit", function()
  local world, wall

  before_each(function()
    world = worlds.new()
    wall = NOON - 10
    local begun = world.env.now()
    world.env.calendar = { wall = function() return wall + world.env.now() - begun end, utc = utc, here = utc }
  end)
  after_each(function() world:close() end)

  local function job(when, keys)
    keys = keys or {}
    keys.schedule, keys.ready = when, { after = 0 }
    return world:program("job", keys)
  end

  local function child(number) return world.process.spawned[number] end
  local function count() return #world.process.spawned end

  it("is started when it is due, whatever became of the last run, and its supervisor goes on", function()
    world:tree { job { every = 10 } }
    assert.same({ 0, "idle", "running" }, { count(), world:phase "job", world.started.root.state.name })
    world:step(10)
    child(1):dies(0)
    world:step(0)
    assert.equal("done", world:phase "job")
    world:step(10)
    child(2):dies(1)
    world:step(9)
    assert.same({ 2, "done" }, { count(), world:phase "job" })
    world:step(1)
    assert.equal(3, count())
    assert.is_nil(world.ended)
  end)

  it("may begin with the tree, and is there for those who come after it", function()
    world:tree { job { cron = "0 * * * *", at_start = true }, world:program("next", { after = { job = "done" } }) }
    assert.same({ 1, "waiting" }, { count(), world:phase "next" })
    child(1):dies(0)
    world:step(0)
    assert.equal("starting", world:phase "next")
    world:step(10)
    assert.equal(3, count())
  end)

  it("follows the clock on the wall", function()
    world:tree { job { cron = "0 * * * *" } }
    world:step(9)
    assert.equal(0, count())
    world:step(1)
    assert.equal(1, count())
    child(1):dies(0)
    wall = wall + HOUR -- a jump: found out at the next look
    world:step(30)
    assert.equal(2, count())
  end)

  it("that still runs is skipped, waited for or ended", function()
    world:tree { job { every = 10 } }
    world:step(20)
    assert.same({ 1, {} }, { count(), child(1).sent })
    assert.truthy(table.concat(world:messages "warn"):find "due, but skipped")
    world:close()
    world = worlds.new()
    world:tree { job { every = 10, overlap = "wait" } }
    world:step(40)
    assert.same({ 1, {} }, { count(), child(1).sent })
    child(1):dies(0)
    world:step(1)
    assert.equal(2, count())
    child(2):dies(0)
    world:step(1)
    assert.equal(2, count())
    world:close()
    world = worlds.new()
    world:tree { job { every = 10, overlap = "kill" } }
    world:step(20)
    assert.same({ "TERM", "CONT" }, child(1).sent)
    child(1):dies(nil, 15)
    world:step(0)
    assert.equal(2, count())
  end)

  it("that was stopped by hand stays so until it is started by hand", function()
    world:tree { job { every = 10 } }
    world:call("terminate_child", "root", "job")
    world:step(100)
    assert.equal(0, count())
    world:call("restart_child", "root", "job")
    assert.equal(1, count())
    child(1):dies(0)
    world:step(10)
    assert.equal(2, count())
  end)

  it("that is being stopped by hand when it is due stays down, whatever is done with a run that is not over", function()
    for _, overlap in ipairs { "wait", "kill" } do
      world:tree { job { every = 10, overlap = overlap } }
      world:step(10)
      dynamic.terminate_child(world:unit "root", "job", dynamic.ignore)
      world:step(10)
      assert.equal("stopping", world:phase "job")
      child(1):dies(0)
      world:step(30)
      assert.same({ 1, "stopped" }, { count(), world:phase "job" })
      world:close()
      world = worlds.new()
    end
  end)

  it("is tried again when it was given up", function()
    world:tree { job { every = 100 } }
    world.process.failure = { "execve: Permission denied: job", "EACCES", "execve" }
    world:step(100)
    assert.equal("fatal", world:phase "job")
    world.process.failure = nil
    world:step(100)
    assert.equal(1, count())
  end)

  it("leaves nothing behind when its supervisor ends", function()
    world:tree { job { cron = "* * * * *" } }
    world:stop()
    assert.equal("shutdown", world.ended.kind)
    world:step(200)
    assert.equal(0, count())
  end)

  it("may be a worker", function()
    world:tree { world:worker("w", { schedule = { every = 10 } }) }
    assert.equal("idle", world:phase "w")
    world:step(10)
    assert.equal("running", world:phase "w")
    world:finish "w"
    assert.equal("done", world:phase "w")
    world:step(10)
    assert.equal("running", world:phase "w")
  end)
end)

describe("the key schedule", function()
  local function message_of(keys)
    keys.name, keys.command = "p", "true"
    local _, message = spec.program(keys)
    return message
  end

  it("is refused where it makes no sense", function()
    for text, keys in pairs {
      ['key "schedule": expected one of cron and every'] = { schedule = {} },
      ['key "schedule.cron": hour: expected 0 to 23, got "24"'] = { schedule = "0 24 * * *" },
      ['key "schedule.utc": is for cron'] = { schedule = { every = 1, utc = true } },
      ['key "schedule.overlap": unknown value "wiat", did you mean "wait"?'] =
        { schedule = { every = 1, overlap = "wiat" } },
      ['key "autostart": schedule.at_start says the same'] = { schedule = { every = 1 }, autostart = true },
      ['key "restart": "permanent" does not go with a schedule'] = { schedule = { every = 1 }, restart = "permanent" },
    } do
      assert.equal('program "p": ' .. text, message_of(keys))
    end
  end)
end)
