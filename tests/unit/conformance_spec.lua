-- SPDX-License-Identifier: Apache-2.0
-- The table in tests/CONFORMANCE.md tells the truth: every test that it names is there.

local host = require "host"

local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$"
local tests = here .. "/.."

-- What the table says that is not so.
local function untrue(table_text)
  local list, count = {}, 0
  for case, path, test in table_text:gmatch "\n| ([^|\n]+) | ([^|\n]+) | ([^|\n]+) |" do
    local text = host.read(tests .. "/" .. path)
    if path ~= "file" then
      count = count + 1
      if not text or not text:find(test, 1, true) then list[#list + 1] = ("%s: %s: %s"):format(case, path, test) end
    end
  end
  return list, count
end

describe("tests/CONFORMANCE.md", function()
  local all = assert(host.read(tests .. "/CONFORMANCE.md"))

  it("names tests that are there", function()
    local list, count = untrue(all)
    assert.same({}, list)
    assert.is_true(count > 100)
  end)

  it("has every failure class", function()
    for number = 1, 74 do assert.truthy(all:find("3%." .. number .. "%f[%D]"), "3." .. number) end
  end)

  it("has a control of each, or says why not", function()
    local without = all:match "\nFailure classes without a control.-\n\n"
    for number = 1, 74 do
      local controlled = all:find(("\n| 3%%.%d,[^|]*control"):format(number))
      local excused = without:find(("3%%.%d%%f[%%D]"):format(number))
      assert.is_true((controlled == nil) ~= (excused == nil), "3." .. number)
    end
  end)

  it("would be found out (the control)", function()
    assert.same({ "3.1: unit/none_spec.lua: x" }, (untrue "\n| 3.1 | unit/none_spec.lua | x |\n"))
    assert.same({ "3.1: unit/conformance_spec.lua: " .. ("x"):rep(60) },
      (untrue("\n| 3.1 | unit/conformance_spec.lua | " .. ("x"):rep(60) .. " |\n")))
  end)
end)
