-- SPDX-License-Identifier: Apache-2.0
-- What a command by hand does not do.

local command = require "luvisor.machine.command"
local worlds = require "world"

describe("a restart by hand", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function restart(kind)
    world:tree { world:worker("w", { restart = kind }) }
    local outcome
    command.run(world.started, world:unit "w", "restart", { cause = "restart" }, function(one) outcome = one end)
    world:step(1)
    return outcome
  end

  it("leaves a temporary unit alone, of which nothing would be left", function()
    local outcome = restart "temporary"
    assert.same({ false, "UNSUPPORTED" }, { outcome.ok, outcome.code })
    assert.equal("running", world:phase "w")
  end)

  it("starts any other again: the control arm", function()
    assert.is_true(restart("transient").ok)
    assert.equal(2, world:unit("w").generation)
  end)
end)
