-- SPDX-License-Identifier: Apache-2.0
-- Changes of what is started by the clock.

local reloads = require "reloads"
local worlds = require "world"

describe("a change of a unit with a schedule", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function tree(schedule, command, on_change)
    return { "a", world:program("job", { schedule = schedule, command = { command or "job" }, on_change = on_change,
      ready = { after = 0 } }) }
  end

  local function runs() return #world.process.spawned end

  local function run_once()
    world:step(11)
    world.process.spawned[1]:dies(0)
    world:step(0)
    assert.equal("done", world:phase "job")
  end

  it("goes by the new one from then on", function()
    reloads.tree(world, tree { every = 10 })
    reloads.apply(world, tree { every = 100 })
    world:step(99)
    assert.equal(0, runs())
    world:step(2)
    assert.equal(1, runs())
  end)

  it("goes by the old one without: the control arm", function()
    reloads.tree(world, tree { every = 10 })
    world:step(99)
    assert.equal(1, runs())
  end)

  it("does not run it before it is due", function()
    reloads.tree(world, tree { every = 10 })
    run_once()
    reloads.apply(world, tree({ every = 10 }, "other"))
    assert.equal(1, runs())
    world:step(9) -- the beat is what it was
    assert.equal(2, runs())
    assert.equal("other", world.process.spawned[2].options.command[1])
  end)

  it("heeds it where what runs is left alone", function()
    reloads.tree(world, tree({ every = 10 }, "job", "keep"))
    reloads.apply(world, tree({ every = 100 }, "job", "keep"))
    world:step(99)
    assert.equal(0, runs())
  end)

  it("forgets it", function()
    reloads.tree(world, tree { every = 10 })
    reloads.apply(world, tree())
    assert.equal(1, runs())
    world:step(50)
    assert.equal(1, runs())
    assert.same({}, world:messages "fault")
  end)
end)
