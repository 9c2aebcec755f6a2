-- SPDX-License-Identifier: Apache-2.0
local pretty = require "luvisor.core.pretty"

describe("pretty", function()
  local cases = {
    { nil, "nil" }, { true, "true" }, { 1, "1" }, { 1.0, "1.0" }, { 0.1, "0.1" }, { 1 / 3, "0.33333333333333331" },
    { math.huge, "math.huge" }, { -math.huge, "-math.huge" }, { math.mininteger, "-9223372036854775808" },
    { 1e100, "1e+100" }, { "a", '"a"' }, { 'say "x"\n\0', [["say \"x\"\n\x00"]] }, { "gr\u{fc}n", '"gr\u{fc}n"' },
    { "\xff\xfe", [["\xFF\xFE"]] }, { {}, "{}" }, { { 1, 2, "x" }, '{ 1, 2, "x" }' },
    { { b = 1, a = { 2 } }, "{ a = { 2 }, b = 1 }" },
    { { 1, ["end"] = 2, ["a b"] = 3 }, '{ 1, ["a b"] = 3, ["end"] = 2 }' },
    { { [10] = 1, [2.5] = 2, [true] = 3 }, "{ [true] = 3, [2.5] = 2, [10] = 1 }" },
  }
  for _, case in ipairs(cases) do
    it("prints " .. case[2], function() assert.equal(case[2], pretty.format(case[1])) end)
  end

  it("breaks what is too wide for a line", function()
    local wide = { name = ("x"):rep(60), other = { ("y"):rep(30) } }
    assert.equal(('{\n  name = "%s",\n  other = { "%s" }\n}'):format(("x"):rep(60), ("y"):rep(30)), pretty.format(wide))
  end)

  it("prints what Lua reads back", function()
    local value = { 1, 2.5, "z\0\n\"", { deep = { true, false } }, [-1] = 1e300, ["\xff"] = math.mininteger + 1 }
    assert.same(value, load("return " .. pretty.format(value))())
  end)

  it("names cycles and stops at the depth", function()
    local loop = { name = "a" }
    loop.me = loop
    assert.equal('{ me = <cycle>, name = "a" }', pretty.format(loop))
    local twice = { 1 }
    assert.equal("{ { 1 }, { 1 } }", pretty.format { twice, twice })
    assert.equal("{ { {...} } }", pretty.format({ { { { 1 } } } }, { depth = 2 }))
  end)

  it("bounds large tables and long strings", function()
    local many = {}
    for i = 1, 1000 do many[i] = i end
    local text = pretty.format(many, { items = 3 })
    assert.equal("{ 1, 2, 3, --[[ 997 more ]] }", text)
    local keyed = {}
    for i = 1, 100000 do keyed["k" .. i] = { i } end
    assert.is_true(#pretty.format(keyed) < 10000)
    assert.equal('"aaa" --[[ 7 bytes more ]]', pretty.format(("a"):rep(10), { string = 3 }))
    local bomb = {}
    for i = 1, 100 do
      bomb[i] = {}
      for j = 1, 100 do bomb[i][j] = { ("s"):rep(900) } end
    end
    assert.is_true(#pretty.format(bomb) < 200000)
  end)

  it("lets objects speak for themselves, whatever they do", function()
    assert.equal("<unit a/b>", pretty.format(setmetatable({}, { __tostring = function() return "unit a/b" end })))
    local rude = setmetatable({}, { __tostring = function() error "no" end })
    assert.equal("<table that cannot be shown>", pretty.format(rude))
    assert.matches("^<function: ", pretty.format(print))
    local trap = setmetatable({ 1 }, { __index = error, __len = error, __pairs = error })
    assert.equal("{ 1 }", pretty.format(trap))
  end)
end)
