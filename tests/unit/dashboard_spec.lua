-- SPDX-License-Identifier: Apache-2.0
local dashboard = require "luvisor.core.dashboard"
local keys = require "luvisor.core.keys"
local width = require "luvisor.core.width"

local function unit(path, state, more)
  local all = { path = path, name = path:match "[^/]+$", depth = select(2, path:gsub("/", "")), state = state,
    running = state ~= "STOPPED" and state ~= "FATAL", restarts = 0 }
  for key, value in pairs(more or {}) do all[key] = value end
  return all
end

local function units()
  return {
    unit("top", "running"), unit("top/web:0", "RUNNING", { pid = 10, cpu = 1, memory = 5 * 1024 * 1024, uptime = 90 }),
    unit("top/web:1", "FATAL", { why = "exit 1" }), unit("top/db", "STOPPED", { why = "stop by uid 1000" }),
  }
end

local function plain(lines)
  local text = table.concat(lines, "\n"):gsub("\27%[%d*m", "")
  return text
end

describe("dashboard", function()
  local it_

  before_each(function()
    it_ = dashboard.new()
    it_:update(units(), 100)
  end)

  local function press(bytes)
    local action
    for _, key in ipairs(keys.new():feed(bytes)) do action = it_:press(key) end
    return action
  end

  it("fills any screen exactly", function()
    it_:event(("e"):rep(500))
    for _, size in ipairs { { 80, 24 }, { 40, 10 }, { 200, 60 }, { 80, 7 } } do
      local lines = it_:view(size[1], size[2])
      assert.equal(size[2], #lines)
      for _, line in ipairs(lines) do assert.is_true(width.of(line) <= size[1], line) end
    end
  end)

  it("draws the rule over the panel without cutting it", function()
    assert.falsy(plain(it_:view(80, 24)):find "\u{2500}\u{2026}")
  end)

  it("shows the tree with what there is to say", function()
    local text = plain(it_:view(100, 24))
    assert.matches("top   4 units, 2 up, 1 FATAL", text)
    assert.matches("  web:0 +RUNNING +10 +1m30s +0 +5%.0M", text)
    assert.matches("  web:1 +FATAL .* exit 1", text)
  end)

  it("knows the share of the CPU from two looks", function()
    local later = units()
    later[2].cpu = 1.5
    it_:update(later, 101)
    assert.matches("web:0 .* 50%%", plain(it_:view(100, 24)))
    local restarted = units()
    restarted[2].pid, restarted[2].cpu = 11, 0.1
    it_:update(restarted, 102)
    assert.is_nil(restarted[2].share)
  end)

  it("moves the cursor, and keeps it on its unit", function()
    press "jj"
    assert.equal("top/web:1", it_:selected().path)
    local list = units()
    table.insert(list, 2, unit("top/new", "RUNNING"))
    it_:update(list, 101)
    assert.equal("top/web:1", it_:selected().path)
    press "GG\27[B"
    assert.equal("top/db", it_:selected().path)
    press "g\27[A"
    assert.equal("top", it_:selected().path)
  end)

  it("asks before it changes anything", function()
    press "js"
    assert.matches("stop top/web:0%? y/n", plain(it_:view(80, 24)))
    assert.is_nil(press "n")
    assert.is_nil(press "r")
    assert.same({ name = "restart", unit = "top/web:0" }, press "y")
    assert.same({ name = "why", unit = "top/web:0" }, press "w")
    assert.same({ name = "quit" }, press "q")
  end)

  it("follows the log of the unit under the cursor", function()
    press "j"
    assert.same({ name = "follow", unit = "top/web:0" }, press "l")
    it_:set_lines("top/web:0", { "hello" })
    it_:set_lines("top/web:1", { "of another" })
    local text = plain(it_:view(80, 24))
    assert.matches("log of top/web:0", text)
    assert.matches("hello", text)
    assert.is_nil(text:find "of another")
    assert.same({ name = "follow", unit = "top/web:1" }, press "j")
    assert.is_nil(plain(it_:view(80, 24)):find "hello")
    assert.same({ name = "follow" }, press "l")
  end)

  it("narrows the list", function()
    press "/web"
    assert.equal(2, #it_.shown)
    assert.matches("top/web:0", plain(it_:view(80, 24)))
    press "\127\127\127zzz"
    assert.is_nil(it_:selected())
    assert.is_nil(press "\rs")
    press "/\27"
    it_:press { name = "escape" }
    assert.equal(4, #it_.shown)
    press "/web\r"
    assert.equal(2, #it_.shown)
    it_:press { name = "escape" }
    assert.equal(4, #it_.shown)
  end)

  it("scrolls a long list with the cursor", function()
    local list = {}
    for i = 1, 100 do list[i] = unit("u" .. i, "RUNNING") end
    it_:update(list, 101)
    it_:view(80, 24)
    press "G"
    assert.matches("u100 ", plain(it_:view(80, 24)))
    press "\27[5~"
    assert.matches("u86 ", plain(it_:view(80, 24)))
  end)

  it("bounds what it remembers, and shows no control characters", function()
    for i = 1, 1000 do it_:event("e\27[2J\7" .. i) end
    assert.equal(200, #it_.events)
    assert.is_nil(table.concat(it_:view(80, 24)):find("\27[2J", 1, true))
  end)
end)
