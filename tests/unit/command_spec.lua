-- SPDX-License-Identifier: Apache-2.0
-- Commands by hand.

local command = require "luvisor.machine.command"
local worlds = require "world"

describe("a restart by hand", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function restart(kind)
    world:tree { world:worker("w", { restart = kind }), "x" }
    local outcome
    command.run(world.started, world:unit "w", "restart", { cause = "restart" }, function(one) outcome = one end)
    world:step(1)
    return outcome
  end

  it("starts any unit again, a temporary one too, in its place", function()
    for _, kind in ipairs { "permanent", "transient", "temporary" } do
      assert.is_true(restart(kind).ok, kind)
      assert.equal(2, world:unit("w").generation, kind)
      assert.equal("w", world:unit("root").children:all()[1].name, kind)
      world:close()
      world = worlds.new()
    end
  end)

  it("keeps no temporary unit that is only stopped: the control arm", function()
    world:tree { world:worker("w", { restart = "temporary" }), "x" }
    command.run(world.started, world:unit "w", "stop", { cause = "stop" }, function() end)
    world:step(1)
    assert.is_nil(world.started:find "w")
  end)
end)
