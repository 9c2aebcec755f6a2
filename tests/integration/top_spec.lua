-- SPDX-License-Identifier: Apache-2.0
-- The dashboard, in a terminal.

local host = require "host"
local terminal = require "terminal"
local uv = require "luv"

local TREE = [[
local luvisor = require "luvisor"
local function program(name)
  return luvisor.program { name = name, command = { "sleep", "1000" }, ready = { after = 0.05 } }
end
return luvisor.supervisor { name = "top", children = {
  program "one", luvisor.supervisor { name = "below", children = { program "two" } },
  luvisor.program { name = "says", command = "echo hello; exec sleep 1000", shell = true, stdout = { prefix = true } },
} }
]]

describe("luvisor top", function()
  local directory, socket, process, screen

  before_each(function()
    directory = host.directory()
    host.write(directory .. "/tree.lua", TREE)
    socket = directory .. "/run/host.sock"
    process = host.spawn { "run", "--socket", socket, directory .. "/tree.lua" }
    process:expect "top starting %-> running"
    screen = terminal.open { "top", "--socket", socket }
    assert.is_truthy(screen:shows "says +RUNNING")
  end)

  after_each(function()
    screen:close()
    host.clean_up()
  end)

  it("shows the tree, and what happens to it", function()
    assert.is_truthy(screen:shows "top +5 units, 5 up")
    assert.is_truthy(screen:shows "\n   one +RUNNING +%d+ .*\n   below +running .*\n     two +RUNNING")
    local pid = screen:screen():match "one +RUNNING +(%d+)"
    uv.kill(math.tointeger(tonumber(pid)), "sigkill")
    assert.is_truthy(screen:shows "exit +top/one signal 9")
    screen:type "q"
    assert.is_truthy(screen:shows "EXIT 0")
  end)

  it("stops and starts the selected unit, when told twice", function()
    screen:type("j", "s")
    assert.is_truthy(screen:shows "stop top/one%? y/n")
    screen:type "n"
    assert.is_truthy(screen:shows "q quit")
    screen:type("s", "y")
    assert.is_truthy(screen:shows "one +STOPPED .*stop by")
    screen:type("S", "y")
    assert.is_truthy(screen:shows "one +RUNNING.*ready +top/one") -- the last of what would move the others up
    screen:type "w"
    assert.is_truthy(screen:shows "asked to stop: stop by uid")
  end)

  it("shows the log of the selected unit, and fits any size", function()
    screen:type("G", "l")
    assert.is_truthy(screen:shows "log of top/says.*hello")
    screen:resize(50, 12)
    assert.is_truthy(screen:shows "log of top/says.*hello")
    assert.is_truthy(screen:shows "^ top ")
  end)

  it("gives the terminal back when the host is gone", function()
    process:stop()
    assert.is_truthy(screen:shows "the host is gone.*EXIT 4")
  end)
end)

describe("luvisor top without a terminal", function()
  it("says so", function()
    local code, _, err = host.run { "top" }
    assert.equal(2, code)
    assert.matches("needs a terminal", err)
  end)
end)
