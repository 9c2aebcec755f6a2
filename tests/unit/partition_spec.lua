-- SPDX-License-Identifier: Apache-2.0
local luvisor = require "luvisor"
local worlds = require "world"

describe("luvisor.partition", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  it("is a supervisor of so many children, between which keys are divided", function()
    world:tree(luvisor.partition { name = "shards", count = 4, strategy = "rest_for_one", child = function(number)
      return world:worker("shard" .. number)
    end })
    local shards, hits = luvisor.find "shards", {}
    assert.equal(4, shards:count_children().active)
    for key = 0, 7 do
      local name = shards:partition(key).path
      hits[name] = (hits[name] or 0) + 1
    end
    assert.same({ ["shards/shard1"] = 2, ["shards/shard2"] = 2, ["shards/shard3"] = 2, ["shards/shard4"] = 2 }, hits)
    world:crash "shard3"
    assert.same({ 1, 1, 2, 2 }, { world:generations("shard1", "shard2", "shard3", "shard4") })
    assert.equal("shards/shard1", shards:partition(4).path) -- the same after a restart
  end)

  it("says what is wrong, and where", function()
    local function why(keys)
      local _, message = pcall(function()
        local made = luvisor.partition(keys)
        return made
      end)
      return message
    end
    local function child() end
    assert.matches('partition_spec.lua:%d+: partition "p": key "count": expected', why { name = "p", child = child })
    assert.matches('key "child": expected a function of the child\'s number, got nil', why { name = "p", count = 2 })
    assert.matches('key "child": returned nothing for 1', why { name = "p", count = 2, child = child })
    assert.matches('key "children"', why { name = "p", count = 2, child = child, children = {} })
    assert.matches('key "strtegy"', why { name = "p", count = 1, strtegy = "x", child = function()
      return luvisor.worker { name = "w", module = "m" }
    end })
  end)
end)
