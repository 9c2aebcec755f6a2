-- SPDX-License-Identifier: Apache-2.0
-- Those that a killed host has left behind are remembered until they are gone, whatever happens to the hosts after it.

local host = require "host"
local uv = require "luv"

local MEEK = [[command = "sleep 1000", die_with_host = false]]
local STUBBORN = [[command = { "sh", "-c", "trap '' TERM; echo trapped; while :; do sleep 0.1; done" },
  die_with_host = false, stdout = { file = "out.txt" }]]

describe("what a killed host has left behind", function()
  local directory, left

  before_each(function()
    directory = host.directory()
    left = nil
  end)
  after_each(function()
    if left then uv.kill(left, "sigkill") end
    host.clean_up()
  end)

  local function run(keys)
    host.write(directory .. "/tree.lua", ([[local luvisor = require "luvisor"
      return luvisor.supervisor { name = "top", children = {
        luvisor.program { name = "p", ready = { after = 0 }, %s } } }]]):format(keys))
    return host.spawn({ "run", "tree.lua" }, { XDG_RUNTIME_DIR = directory }, { cwd = directory })
  end

  local function leave_behind(keys)
    local process = run(keys)
    left = tonumber(process:expect "STARTING %(pid (%d+)%)")
    process:expect "top starting %-> running"
    if keys == STUBBORN then
      assert(host.wait_until(function() return host.read(directory .. "/out.txt") == "trapped\n" end, 10))
    end
    process:signal "sigkill"
    assert(host.wait_until(function() return process.over end, 10)) -- who is left holds its pipes
    assert.is_true(host.is_alive(left))
  end

  local function record() return uv.fs_stat(directory .. "/luvisor/default.state") end

  it("and the next one let be, is known to the one after an orderly end, too", function()
    leave_behind(MEEK)
    local second = run [[command = "sleep 1000", orphans = "warn"]]
    second:expect "they are let be"
    second:expect "top starting %-> running"
    assert.equal(0, second:stop())
    assert.is_true(host.is_alive(left))
    local third = run [[command = "sleep 1000"]]
    third:expect "ending them"
    third:expect "top starting %-> running"
    assert.is_false(host.is_alive(left))
    assert.equal(0, third:stop())
    assert.is_nil(record())
  end)

  it("is gone on with by the next one when a host is killed while it looks after them", function()
    leave_behind(STUBBORN)
    for _ = 1, 2 do
      local process = run(STUBBORN)
      process:expect("an earlier host has left behind [^\n]*" .. left .. " %(top/p%)[^\n]*: ending them")
      process:signal "sigkill"
      assert.truthy(host.wait_until(function() return process.over end, 10))
      assert.equal(0, process:count "STARTING")
      assert.is_true(host.is_alive(left))
      assert.truthy(record())
    end
    uv.kill(left, "sigkill") -- the control: with nobody left there is nothing to remember
    assert(host.wait_until(function() return not host.is_alive(left) end, 10))
    left = nil
    local last = run(MEEK)
    last:expect("top starting %-> running", 20)
    assert.equal(0, last:stop())
    assert.is_nil(record())
  end)
end)
