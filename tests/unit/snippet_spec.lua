-- SPDX-License-Identifier: Apache-2.0
local snippet = require "luvisor.core.snippet"

describe("snippet", function()
  local values = { ["1 + 1"] = 2, ["= 3"] = 3, ["x"] = 7, ["return 5"] = 5, ["(function() return 4 end)()"] = 4 }
  for text, value in pairs(values) do
    it("gives the value of " .. text, function()
      assert.equal(value, (snippet.compile(text, { x = 7 }))())
    end)
  end

  it("runs statements in the environment", function()
    local environment = {}
    local fn, is_expression = snippet.compile("y = 1", environment)
    fn()
    assert.equal(1, environment.y)
    assert.is_false(is_expression)
  end)

  for _, text in ipairs { "function f()", "if x then", "t = {", "f(", "[[long", "x =", "1 +", "for i = 1, 3 do" } do
    it("waits for the rest of " .. text, function() assert.is_true(snippet.is_incomplete(text)) end)
  end
  for _, text in ipairs { "x = 1", "1 +* 2", "end", "f()", "", "-- only a comment" } do
    it("does not wait after " .. text, function() assert.is_false(snippet.is_incomplete(text)) end)
  end

  it("says what is wrong", function()
    local fn, message, code = snippet.compile "1 +* 2"
    assert.is_nil(fn)
    assert.matches("^repl:1: unexpected symbol near '[*1]'", message)
    assert.equal("EINVAL", code)
  end)
end)
