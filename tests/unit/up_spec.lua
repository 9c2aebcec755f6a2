-- SPDX-License-Identifier: Apache-2.0
-- When a tree counts as up although not all of it is: looked at while every single thing happens, as the host may.

local up = require "luvisor.edge.service.up"
local worlds = require "world"

describe("a tree that is not all up", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function give_up() return "give_up" end

  -- What is_settled says from the first failure on, at each event.
  local function watch(tree)
    local said, failed = {}, false
    for _, kind in ipairs { "fatal", "give_up", "transition" } do
      table.insert(world.env.subscribers[kind], function()
        failed = failed or kind == "fatal" or kind == "give_up"
        if failed then said[#said + 1] = up.is_settled(tree.root) end
      end)
    end
    return said
  end

  it("is settled with a unit that is given up", function()
    local tree = world:tree { world:worker("a", { restart = give_up }), "b" }
    world:crash "a"
    assert.equal("fatal", world:phase "a")
    assert.is_true(up.is_settled(tree.root))
  end)

  it("is never settled once a critical unit is given up: that ends it", function()
    local tree = world:tree { world:worker("a", { restart = give_up, critical = true }), "b" }
    local said = watch(tree)
    world:crash "a"
    assert.equal("error", world.ended.kind)
    assert.is_true(#said >= 3)
    for _, settled in ipairs(said) do assert.is_false(settled) end
  end)

  it("is not settled while a supervisor gives up, whose restart comes next", function()
    local tree = world:tree { world:supervisor("s", { "a", "b", intensity = { restarts = 0, within = 5 } }) }
    local said = {}
    table.insert(world.env.subscribers.transition, function(event)
      if event.to == "reaping" or event.to == "crashed" then said[event.to] = up.is_settled(tree.root) end
    end)
    world:crash "a"
    assert.same({ reaping = false, crashed = false }, said)
    assert.equal("running", world:phase "s")
    assert.is_true(up.is_settled(tree.root))
  end)
end)
