-- SPDX-License-Identifier: Apache-2.0
local editor = require "luvisor.core.editor"
local keys = require "luvisor.core.keys"

local function typed(bytes, given)
  local it, events = editor.new(given or { prompt = "> " }), {}
  for _, key in ipairs(keys.new():feed(bytes)) do
    local event = it:press(key)
    if event then events[#events + 1] = event end
  end
  return it, table.concat(events, " ")
end

describe("editor", function()
  local cases = {
    { "abc", "abc|" }, { "abc\27[D\27[DX", "aX|bc" }, { "abc\1X", "X|abc" }, { "abc\1\5X", "abcX|" },
    { "ab\127", "a|" }, { "\127", "|" }, { "ab\27[D\27[3~", "a|" }, { "a\u{65e5}\u{fc}\127\127b", "ab|" },
    { "one two\23", "one |" }, { "one two\21", "|" }, { "one two\1\11", "|" }, { "one two\23\1\25", "two|one " },
    { "one two\27b\27b\27f", "one| two" }, { "one.two\27\127", "one.|" }, { "one two\1\27d", "| two" },
    { "ab\20", "ba|" }, { "\u{e9}\27[D\27[D\27[C", "\u{e9}|" }, { "\27[200~x\ny\27[201~\1z", "x\nz|y" },
    { "ab\4", "ab|" }, { "a\1\4", "|" },
  }
  for _, case in ipairs(cases) do
    it(("edits %q"):format(case[1]), function()
      local it = typed(case[1])
      assert.equal(case[2], it.left .. "|" .. it.right)
    end)
  end

  it("says what keys mean for others", function()
    local _, events = typed "\4"
    assert.equal("eof", events)
    _, events = typed "x\r\3\12a\t"
    assert.equal("enter interrupt clear complete", events)
  end)

  it("indents where there is nothing to complete", function()
    local it, events = typed "\t"
    assert.equal("  |", it.left .. "|")
    assert.equal("", events)
  end)

  it("walks through the history and back to the draft", function()
    local history = { "one", "two" }
    local function shows(bytes) return (typed(bytes, { prompt = "", history = history })):text() end
    assert.equal("two", shows "dra\27[A")
    assert.equal("one", shows "dra\27[A\27[A\27[A")
    assert.equal("dra", shows "dra\27[A\27[A\27[B\27[B\27[B")
    assert.equal("one!", shows "\27[A\27[A!")
  end)

  it("remembers no blanks and no repetition, and no more than it may", function()
    local it = editor.new { prompt = "", history = {} }
    for _, text in ipairs { "a", "a", "  ", "", "b", "a" } do it:remember(text) end
    assert.same({ "a", "b", "a" }, it.history)
    for i = 1, 2000 do it:remember("n" .. i) end
    assert.equal(1000, #it.history)
    assert.equal("n2000", it.history[1000])
  end)

  it("searches the history backwards", function()
    local given = { prompt = "", history = { "tree()", "why 'db'", "tree().x" } }
    assert.equal("tree().x", typed("\18tree", given):text())
    assert.equal("tree()", typed("\18tree\18", given):text())
    assert.equal("why 'db'!", typed("\18wh\27[C!", given):text())
    assert.equal("draft", typed("draft\18tree\3", given):text())
    local _, events = typed("\18why\r", given)
    assert.equal("enter", events)
    assert.matches("search.*`why'", typed("\18why", given):view(80).text)
  end)

  it("completes what the candidates have in common", function()
    local it = typed "sta"
    assert.same({}, it:complete({ "start", "starts" }, 3))
    assert.equal("start", it:text())
    assert.same({ "start", "starts" }, it:complete({ "start", "starts" }, 5))
    assert.same({}, it:complete({ "starts" }, 5))
    assert.equal("starts", it:text())
    assert.same({}, it:complete({}, 1))
    assert.equal("starts", it:text())
  end)

  it("shows text and cursor, also where lines wrap", function()
    assert.same({ text = "> abc", rows = 0, row = 0, column = 4 }, typed("abc\27[D"):view(80))
    assert.same({ text = "> abcdef", rows = 1, row = 1, column = 3 }, typed("abcdef"):view(5))
    assert.same({ text = "> abc\n", rows = 1, row = 1, column = 0 }, typed("abc"):view(5))
    assert.same({ text = "> a\n> b", rows = 1, row = 1, column = 3 }, typed("\27[200~a\nb\27[201~"):view(80))
    assert.same({ text = "> ab\u{65e5}", rows = 1, row = 1, column = 2 }, typed("ab\u{65e5}"):view(5))
  end)

  it("is empty again after it was taken", function()
    local it = typed "abc\27[D"
    assert.equal("abc", it:take())
    assert.equal("", it:text())
  end)
end)
