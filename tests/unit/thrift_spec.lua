-- SPDX-License-Identifier: Apache-2.0
-- What becomes of the memory that somebody has needed for a while.

local runtime = require "host.runtime"
local thrift = require "luvisor.edge.thrift"
local worlds = require "world"

local ENTRIES, MUCH = 200000, 8 << 20 -- bytes

local function spare() return (select(3, runtime.memory())) end

describe("a host", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  -- The collector comes round while it is in use; when it is not any more, nothing is allocated.
  local function use_much()
    local taken = {}
    for i = 1, ENTRIES do taken[i] = { i } end
    collectgarbage()
    assert.equal(ENTRIES, #taken)
  end

  it("gives back what it does not need any more", function()
    runtime.trim()
    collectgarbage()
    thrift.begin()
    local before = runtime.memory()
    use_much()
    assert.is_true(runtime.memory() > before + MUCH)
    world:step(9.9)
    assert.is_true(runtime.memory() > before + MUCH) -- the control arm: nobody has looked yet
    world:step(5)
    assert.is_true(runtime.memory() < before + MUCH / 4)
    assert.is_true(spare() < MUCH / 4)
  end)

  it("keeps it while nothing looks after that: the control arm", function()
    local has_slabs = spare() > 0 -- unlike one that is built for a sanitizer
    use_much()
    collectgarbage()
    assert.equal(has_slabs, spare() > MUCH)
    assert.is_true(runtime.trim())
    assert.is_true(spare() < MUCH / 4)
  end)
end)
