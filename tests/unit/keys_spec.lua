-- SPDX-License-Identifier: Apache-2.0
local keys = require "luvisor.core.keys"

local function names(bytes)
  local list = {}
  for i, key in ipairs(keys.new():feed(bytes)) do list[i] = key.text or key.name end
  return table.concat(list, " ")
end

describe("keys", function()
  local cases = {
    { "ab", "a b" }, { "\r", "enter" }, { "\n", "enter" }, { "\t", "tab" }, { "\127", "backspace" },
    { "\3", "ctrl-c" }, { "\1\26", "ctrl-a ctrl-z" }, { "\27[A\27[B", "up down" }, { "\27OA", "up" },
    { "\27[3~", "delete" }, { "\27[1;5C", "word-right" }, { "\27b", "word-left" }, { "\27[99;9X", "unknown" },
    { "\u{fc}\u{65e5}", "\u{fc} \u{65e5}" }, { "\xff", "unknown" }, { "\27[200~a\rb\27[201~c", "a\nb c" },
    { "\27[200~\3\27[A\27[201~", "\3\27[A" },
  }
  for _, case in ipairs(cases) do
    it(("reads %q"):format(case[1]), function() assert.equal(case[2], names(case[1])) end)
  end

  it("waits for the rest, wherever the bytes are cut", function()
    local bytes = "a\u{65e5}\27[1;5C\27[200~x y\27[201~\u{1f600}\r"
    for cut = 1, #bytes - 1 do
      local decoder, list = keys.new(), {}
      for _, part in ipairs { bytes:sub(1, cut), bytes:sub(cut + 1) } do
        for _, key in ipairs(decoder:feed(part)) do list[#list + 1] = key.text or key.name end
      end
      assert.equal("a \u{65e5} word-right x y \u{1f600} enter", table.concat(list, " "))
    end
  end)

  it("takes a lone escape for the key when nothing follows", function()
    local decoder = keys.new()
    assert.same({}, decoder:feed "\27")
    assert.equal("escape", decoder:flush()[1].name)
    assert.same({}, decoder:flush())
  end)
end)
