-- SPDX-License-Identifier: Apache-2.0
-- When a tree counts as up although not all of it is: looked at while every single thing happens, as the host may.

local luvisor = require "luvisor"
local up = require "luvisor.edge.service.up"
local workers = require "luvisor.worker"
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

  -- The worker fails in the turn in which it is ready, so before anybody is told that its supervisor is.
  local function is_told_up(keys)
    local definition, told = workers.define(), 0
    definition:actor("running", function(self)
      if keys.intensity then error "at once" end
      return self.stopping and "complete" or "keepalive"
    end)
    local tree = world:load { intensity = keys.intensity, luvisor.worker { name = "w", module = definition,
      critical = true, restart = keys.restart } }
    up.watch(world.env, tree, function() told = told + 1 end)
    tree:start()
    world:step(0)
    return told, world.ended and world.ended.kind
  end

  it("is not up when it gives up before it is told to be ready", function()
    local none = { restarts = 0, within = 5 }
    assert.same({ 0, "error" }, { is_told_up { intensity = none } })
    world:close()
    world = worlds.new()
    assert.same({ 0, "error" }, { is_told_up { intensity = none, restart = give_up } })
  end)

  it("is up when nobody fails: the control arm", function() assert.same({ 1 }, { is_told_up {} }) end)

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
