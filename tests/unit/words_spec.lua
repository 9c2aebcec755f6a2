local words = require "luvisor.core.words"

describe("words", function()
  local cases = {
    { "", {} }, { " \t\n ", {} }, { "a", { "a" } }, { "a b  c", { "a", "b", "c" } },
    { " a\tb\nc ", { "a", "b", "c" } },
    { "a'b c'd", { "ab cd" } }, { "''", { "" } }, { "a '' b", { "a", "", "b" } }, { '""', { "" } },
    { [['a\b']], { [[a\b]] } }, { [["a\"b"]], { [[a"b]] } }, { [["a\\b"]], { [[a\b]] } }, { [["a\b"]], { [[a\b]] } },
    { [["\$x \`y"]], { "$x `y" } }, { [[a\ b]], { "a b" } }, { [[\'a]], { "'a" } }, { "a\\\nb", { "ab" } },
    { "a \\\n b", { "a", "b" } }, { '"a\\\nb"', { "ab" } },
    { [["it's"]], { "it's" } }, { [['say "x"']], { 'say "x"' } },
    { "$HOME *.c a|b ;", { "$HOME", "*.c", "a|b", ";" } }, { "50% %d", { "50%", "%d" } }, { "a#b #c", { "a#b", "#c" } },
    { "python3 -u -c 'print(1)'", { "python3", "-u", "-c", "print(1)" } },
  }
  for _, case in ipairs(cases) do
    it(("splits %q"):format(case[1]), function() assert.same(case[2], words.split(case[1])) end)
  end

  local bad = {
    ["'a"] = "unbalanced single quote", ['a "b'] = "unbalanced double quote", ["a\\"] = "backslash at the end",
    ['"a\\'] = "unbalanced double quote", ['"a\\"'] = "unbalanced double quote",
  }
  for text, message in pairs(bad) do
    it(("refuses %q"):format(text), function()
      local list, found, code = words.split(text)
      assert.is_nil(list)
      assert.equal(message, found)
      assert.equal("EINVAL", code)
    end)
  end

  it("gets back whatever was quoted", function()
    math.randomseed(7)
    local alphabet = { "a", " ", "'", '"', "\\", "\n", "$", "\t" }
    for _ = 1, 300 do
      local list, quoted = {}, {}
      for i = 1, math.random(1, 5) do
        local word = {}
        for k = 1, math.random(0, 6) do word[k] = alphabet[math.random(#alphabet)] end
        list[i] = table.concat(word)
        quoted[i] = "'" .. list[i]:gsub("'", [['\'']]) .. "'"
      end
      assert.same(list, words.split(table.concat(quoted, " ")))
    end
  end)
end)
