-- SPDX-License-Identifier: Apache-2.0
local match = require "luvisor.core.match"

local ANY, IGNORE = match.ANY, match.IGNORE

local function test(pattern, ...)
  local out = match.test(pattern, table.pack(...))
  return out and { table.unpack(out, 1, out.n) }
end

describe("match", function()
  it("takes any message without a pattern", function()
    assert.same({ 1, "x" }, test(nil, 1, "x"))
  end)

  it("compares a plain value with the first of the message", function()
    assert.same({ "job", 1 }, test("job", "job", 1))
    assert.is_nil(test("job", "other", 1))
    assert.same({ 1.0 }, test(1, 1.0))
  end)

  it("matches rows of the same length, position by position", function()
    assert.same({ "a", 1 }, test({ "a", 1 }, "a", 1))
    assert.is_nil(test({ "a" }, "a", 1))
    assert.is_nil(test({ "a", 1, 2 }, "a", 1))
    assert.same({ "a", nil, 1 }, test({ "a", match.none, 1 }, "a", nil, 1) and { "a", nil, 1 })
  end)

  it("extracts by ANY and kinds, not by IGNORE", function()
    assert.same({ 1, "s" }, test({ "a", ANY, IGNORE, match.string }, "a", 1, 2, "s"))
    assert.is_nil(test({ match.integer }, 1.5))
    assert.same({ 1 }, test({ match.integer }, 1))
    assert.same({ 1.5 }, test({ match.float }, 1.5))
    assert.same({ 1 }, test({ match.number }, 1))
    assert.same({ false }, test({ match.boolean }, false))
    assert.same({ {} }, test({ match.table }, {}))
    assert.same({ 7 }, test(ANY, 7))
    assert.is_nil(test(match.string, 7))
  end)

  it("looks into tables", function()
    assert.same({ 2, 1 }, test({ { { ANY }, k = ANY } }, { { 2 }, k = 1, more = true }))
    assert.is_nil(test({ { 1, 2 } }, { 1 }))
    assert.is_nil(test({ { k = 1 } }, { k = 2 }))
    assert.is_nil(test({ {} }, "no table"))
    assert.same({ 1, 2, 3 }, test({ { c = ANY, a = ANY, b = ANY } }, { a = 1, b = 2, c = 3 }))
  end)

  it("asks functions", function()
    assert.same({ 5, 6 }, test(function(a, b) return a < b end, 5, 6))
    assert.is_nil(test(function() return false end, 5))
    assert.same({ 4 }, test({ function(v) return v > 3 end }, 4))
  end)

  it("takes the first case that fits", function()
    local function one() end
    local function two() end
    local out, fn = match.test({ match.case({ "x" }, one), match.case({ ANY }, two) }, table.pack("y"))
    assert.equal(two, fn)
    assert.same({ "y", n = 1 }, out)
    assert.is_nil(match.test({ match.case({ "x" }, one) }, table.pack("y")))
    assert.has_error(function() match.case("x") end)
  end)
end)
