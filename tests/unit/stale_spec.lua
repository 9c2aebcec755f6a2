-- SPDX-License-Identifier: Apache-2.0
-- What a generation that has ended still says, as from a callback of its own, is dropped and counted.

local worlds = require "world"

describe("a worker that has ended", function()
  local world

  before_each(function()
    world = worlds.new()
    world:tree { "w", intensity = { restarts = 9, within = 1 } }
  end)
  after_each(function() world:close() end)

  local function say(self)
    self:event "complete"
    self:state_timeout(0.1, "complete")
    world:step(1)
  end

  it("has no say in its next generation", function()
    local old = world.scripts.w.selfs[1]
    world:crash "w"
    say(old)
    assert.equal("running", world:phase "w")
    assert.equal(2, world.env.dropped)
  end)

  it("has a say as long as it runs: the control arm", function()
    say(world.scripts.w.selfs[1])
    assert.equal("done", world:phase "w")
  end)
end)
