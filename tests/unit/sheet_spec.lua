-- SPDX-License-Identifier: Apache-2.0

local sheet = require "luvisor.edge.sheet"

local COLUMNS = { { title = "UNIT" }, { title = "PID", right = true }, { title = "WHY" } }

local function lines(rows)
  return sheet.text(COLUMNS, rows)
end

describe("a table for people", function()
  it("aligns its columns, and leaves no blanks at the end", function()
    assert.equal("UNIT        PID  WHY\nlong-name     7  exit 1\na          1234\n", lines {
      { "long-name", 7, "exit 1" }, { "a", 1234, "" },
    })
  end)

  it("says again what the row above says", function()
    assert.equal("UNIT  PID  WHY\na       -  x\na       -  x\nb       -  x\n", lines {
      { "a", "-", "x" }, { "a", "-", "x" }, { "b", "-", "x" },
    })
  end)

  it("counts columns, not bytes, also in the rows below", function()
    assert.equal("UNIT  PID  WHY\n中中    1  é\n中中    1  é\nabcd    1  z\n", lines {
      { "中中", 1, "é" }, { "中中", 1, "é" }, { "abcd", 1, "z" },
    })
  end)

  it("lets no text move the cursor", function()
    assert.equal("UNIT  PID  WHY\na b\na b\n", lines { { "a\nb" }, { "a\nb", nil, "" } })
  end)

  it("takes cells with colours, which are seen on a terminal only", function()
    assert.equal("UNIT  PID  WHY\na       1  bad\n", lines { { { "a", "dim" }, 1, { "bad", "red" } } })
  end)
end)
