-- SPDX-License-Identifier: Apache-2.0
local width = require "luvisor.core.width"

describe("width", function()
  local cases = {
    { "", 0 }, { "abc", 3 }, { "gr\u{fc}n", 4 }, { "\u{65e5}\u{672c}", 4 }, { "e\u{301}", 1 }, { "\u{1f600}", 2 },
    { "\27[31mred\27[0m", 3 }, { "\xff\xfe", 2 }, { "a\tb", 3 }, { "\u{200b}", 0 },
    { "\u{ac00}", 2 }, { "\xe6\x97", 2 },
  }
  for _, case in ipairs(cases) do
    it(("of %q"):format(case[1]), function() assert.equal(case[2], width.of(case[1])) end)
  end

  it("pads by columns", function()
    assert.equal("\u{65e5}  |", width.pad("\u{65e5}", 4) .. "|")
    assert.equal("long", width.pad("long", 2))
  end)

  it("cuts by columns", function()
    assert.equal("abc", width.cut("abc", 3))
    assert.equal("ab\u{2026}", width.cut("abcd", 3))
    assert.equal("\u{65e5}\u{2026}", width.cut("\u{65e5}\u{672c}\u{8a9e}", 4))
    assert.equal("", width.cut("abc", 0))
    assert.equal("?a\u{2026}", width.cut("\xffabc", 3))
  end)
end)
