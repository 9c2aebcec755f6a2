-- SPDX-License-Identifier: Apache-2.0
-- Long work over a tree gives way at each of its units, where somebody has said how, and nowhere else.

local breath = require "luvisor.core.breath"
local plans = require "luvisor.core.plan"
local spec = require "luvisor.core.spec"

describe("long work", function()
  local function load()
    local children = {}
    for i = 1, 50 do children[i] = spec.program { name = "p" .. i, command = "true" } end
    return assert(spec.resolve(spec.supervisor { name = "top", children = children }, nil, {}))
  end

  -- How often fn gives way to whoever runs it.
  local function turns(fn, breathes)
    local task = coroutine.create(function()
      local over <close> = breathes and breath.begin(coroutine.yield) or nil -- luacheck: ignore
      fn()
    end)
    local count = -1
    repeat
      count = count + 1
      assert(coroutine.resume(task))
    until coroutine.status(task) == "dead"
    return count
  end

  it("gives way at each unit", function()
    local one, other = load(), load()
    assert.truthy(turns(load, true) >= 50)
    assert.truthy(turns(function() plans.compare(one, other) end, true) >= 50)
  end)

  it("does not where nobody has said how: the control arm", function()
    assert.equal(0, turns(load, false))
  end)

  it("does not in other coroutines meanwhile", function()
    assert.equal(1, turns(function()
      assert.equal(0, turns(load, false))
      breath.take()
    end, true))
  end)

  it("does not when it is over, also after an error", function()
    local task = coroutine.create(function()
      pcall(function()
        local over <close> = breath.begin(coroutine.yield) -- luacheck: ignore
        error "x"
      end)
      breath.take()
      return "done"
    end)
    assert.equal("done", select(2, coroutine.resume(task)))
  end)
end)
