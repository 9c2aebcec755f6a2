-- SPDX-License-Identifier: Apache-2.0
local candidates = require "luvisor.core.candidates"

local PATHS = { "etl/poller", "etl/transformer", "etl/api/web", "etl/api" }

describe("candidates", function()
  local object = setmetatable({ field = 1 }, { __index = { method = print, __hidden = 1 } })
  local environment = setmetatable({
    tree = print, trace = print, object = object, text = "x",
    trap = setmetatable({}, { __index = function() error "called" end }),
  }, { __index = { table = table, type = type } })
  local cases = {
    { "tr", "trace trap tree" },
    { "x = tre", "tree" }, { "t", "table text trace trap tree type" }, { "", "" }, { "1 + ", "" },
    { "object.", "field method" }, { "object:", "method" }, { "object.f", "field" }, { "table.ins", "insert" },
    { "print(table.con", "concat" }, { "text:upp", "upper" }, { "none.", "" }, { "trap.", "" }, { "trap.x.y", "" },
    { 'info("po', "poller" }, { 'info("etl/a', "etl/api etl/api/web" }, { "why 'we", "web" }, { 'info("', table.concat({
      "etl/api", "etl/api/web", "etl/poller", "etl/transformer" }, " ") },
    { 'info("a") tr', "trace trap tree" }, { 'info "zzz', "" },
  }
  for _, case in ipairs(cases) do
    it(("completes %q"):format(case[1]), function()
      local found, replaced = candidates.of(case[1], environment, PATHS)
      assert.equal(case[2], table.concat(found, " "))
      assert.is_true(replaced <= #case[1])
    end)
  end

  it("offers no more than can be read", function()
    local many = {}
    for i = 1, 1000 do many["name" .. i] = i end
    assert.equal(200, #candidates.of("na", many, {}))
  end)
end)
