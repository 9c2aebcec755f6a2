-- SPDX-License-Identifier: Apache-2.0
-- JSON both ways: exact integers, null, empty arrays, depth, bytes that are no text.

local json = require "host.json"

describe("json", function()
  for _, number in ipairs { 0, -1, math.maxinteger, math.mininteger, 9007199254740993, 0.1, -1e300, 1e15, 2.0 } do
    it(("carries %s"):format(number), function()
      local back = json.decode(json.encode(number))
      assert.equal(number, back)
      assert.equal(math.type(number), math.type(back))
    end)
  end

  for _, text in ipairs { "null", "true", "false", "[]", "{}", "[[],{}]", '[null,1,"a"]', '{"a":{"b":[1]}}', '""' } do
    it(("reads and writes %s"):format(text), function() assert.equal(text, json.encode(json.decode(text))) end)
  end

  it("has null, arrays and objects", function()
    assert.equal(json.null, json.decode "null")
    assert.equal("[]", json.encode(json.array()))
    assert.equal("[1]", json.encode(json.array { 1 }))
    assert.equal("{}", json.encode {})
  end)

  it("escapes what must be, keeps UTF-8, and replaces what is not", function()
    assert.equal([["\u0000\n\"\\"]], json.encode "\0\n\"\\")
    assert.equal('"grün 漢"', json.encode "grün 漢")
    assert.equal('"a\u{fffd}b"', json.encode "a\255b")
    assert.equal("a\0b", json.decode [["a\u0000b"]])
    local long = ("ä"):rep(100000)
    assert.equal('"' .. long .. '"', json.encode(long))
  end)

  local function nested(depth, open, close) return open:rep(depth) .. close:rep(depth) end

  it("goes so deep and no deeper", function()
    assert.truthy(json.decode(nested(99, "[", "]")))
    for _, depth in ipairs { 101, 100000 } do
      local value, message, code = json.decode(nested(depth, "[", "]"))
      assert.is_nil(value)
      assert.equal("EINVAL", code)
      assert.truthy(message:find "^not JSON: ")
    end
    local deep = {}
    for _ = 1, 101 do deep = { deep } end
    local text, message = json.encode(deep)
    assert.is_nil(text)
    assert.truthy(message:find "nested deeper", 1, true)
    local circle = {}
    circle.circle = circle
    assert.is_nil((json.encode(circle)))
  end)

  for _, text in ipairs {
    "", " ", "{", "[1,]", "nul", "{a:1}", '{"a":1,"a":2}', "1 2", "'a'", "99999999999999999999", "1e999", '"\255"',
    "NaN", '"a', "[1}",
  } do
    it(("refuses to read %q"):format(text), function()
      local value, message, code = json.decode(text)
      assert.is_nil(value)
      assert.equal("EINVAL", code)
      assert.truthy(message:find "^not JSON: ")
    end)
  end

  for what, value in pairs {
    ["a function"] = print, ["infinity"] = 1 / 0, ["no number"] = 0 / 0, ["a coroutine"] = coroutine.create(print),
    ["an odd key"] = { [true] = 1 }, ["something inside"] = { a = { b = { print } } },
  } do
    it("refuses to write " .. what, function()
      local text, message, code = json.encode(value)
      assert.is_nil(text)
      assert.equal("string", type(message))
      assert.equal("EINVAL", code)
    end)
  end
end)
