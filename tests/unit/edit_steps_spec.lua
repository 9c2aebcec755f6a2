-- SPDX-License-Identifier: Apache-2.0
-- What is kept of live edits for a runtime of its own: no more than what counts.

local steps = require "luvisor.core.edit.steps"

describe("the steps of live edits", function()
  local function keep(...)
    local list = {}
    for _, step in ipairs { ... } do list = steps.after(list, step) or {} end
    local words = {}
    for i, step in ipairs(list) do words[i] = ("%s=%s"):format(step[3], tostring(step[4])) end
    return table.concat(words, " ")
  end

  local function set(key, value, path) return { "set", path or "top/a", key, value } end

  it("have the last value of each key", function()
    assert.equal("b=2 a=3", keep(set("a", 1), set("b", 2), set("a", 3)))
    assert.equal("a=1 b=2 a=3", keep(set("a", 1, "top/x"), set("b", 2), set("a", 3))) -- the control
    local list = {}
    for i = 1, 100 do list[i] = set(i % 2 == 0 and "health.every" or "health.retries", i) end
    assert.equal("health.retries=99 health.every=100", keep(table.unpack(list)))
    assert.equal("health=3", keep(set("health.every", 1), set("health.retries", 2), set("health", 3)))
    assert.equal("web.x=1 web=2", keep({ "scale", "top", "web.x", 1 }, { "scale", "top", "web", 2 }))
    assert.equal("web.x=1 web=2", keep({ "scale", "top", "web", 9 }, { "scale", "top", "web.x", 1 },
      { "scale", "top", "web", 2 }))
  end)

  it("have all that what came between was allowed by", function()
    local all = "restart=transient significant=true restart=temporary"
    assert.equal(all, keep(set("restart", "transient"), set("significant", true), set("restart", "temporary")))
    assert.equal("backoff.max=60 backoff.min=50 backoff.max=70",
      keep(set("backoff.max", 60), set("backoff.min", 50), set("backoff.max", 70)))
    local between = { "add", "top/a", {}, { x = true } }
    assert.equal(3, select(2, keep(set("max_children", 5), between, set("max_children", 6)):gsub("=", "")))
  end)
end)
