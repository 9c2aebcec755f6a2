-- SPDX-License-Identifier: Apache-2.0
-- A module in parts: each is loaded when something of it is needed, and again where that has failed.

local parts = require "luvisor.core.parts"

describe("a module in parts", function()
  local names = { "parts_spec_first", "parts_spec_second" }
  local loads

  before_each(function()
    loads = {}
    for _, name in ipairs(names) do
      package.preload[name] = function()
        loads[#loads + 1] = name
        return { [name] = #loads }
      end
    end
  end)

  after_each(function()
    for _, name in ipairs(names) do package.preload[name], package.loaded[name] = nil, nil end
  end)

  it("loads them one after the other, as far as is needed", function()
    local module = parts({ own = true }, names[1], names[2])
    assert.is_true(module.own)
    assert.same({}, loads)
    assert.equal(1, module[names[1]])
    assert.same({ names[1] }, loads)
    assert.is_nil(module.nothing)
    assert.same(names, loads)
  end)

  it("loads one again that could not be loaded", function()
    local load = package.preload[names[1]]
    package.preload[names[1]] = function()
      package.preload[names[1]] = load
      error("not enough memory", 0)
    end
    local module = parts({}, names[1], names[2])
    assert.has_error(function() return module[names[1]] end, "not enough memory")
    assert.equal(1, module[names[1]])
    assert.equal(2, module[names[2]])
  end)
end)
