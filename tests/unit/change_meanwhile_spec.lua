-- SPDX-License-Identifier: Apache-2.0
-- What happens to a supervisor while a change of its children is under way.

local reloads = require "reloads"
local worlds = require "world"

describe("a supervisor that starts anew in the midst of a change", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function box(command, ...)
    local children = { name = "box", intensity = { restarts = 0, within = 1 }, "crasher", ... }
    children[#children + 1] = world:program("slow", { command = { command }, ready = { after = 0 } })
    return { intensity = { restarts = 9, within = 1 }, world:supervisor("box", children) }
  end

  local function names()
    local list = {}
    for i, child in ipairs(world:unit("box").children:all()) do list[i] = child.name end
    return table.concat(list, " ")
  end

  local function change(crashes)
    reloads.tree(world, box "old")
    local _, outcome = reloads.apply(world, box("new", "added"))
    if crashes then world:crash "crasher" end
    world.process.spawned[1]:dies(0)
    world:step(1)
    assert.same({}, outcome.failures)
    return #world.process.spawned - 1
  end

  it("runs what the new script says once", function()
    assert.equal(1, change(true))
    assert.equal(2, world:unit("box").generation)
    assert.equal("crasher added slow", names())
  end)

  it("need not: the control arm", function()
    assert.equal(1, change(false))
    assert.equal(1, world:unit("box").generation)
    assert.equal("crasher added slow", names())
  end)
end)
