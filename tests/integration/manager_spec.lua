-- SPDX-License-Identifier: Apache-2.0
-- What the host tells the service manager that has started it, which this test plays.

local host = require "host"
local notify = require "host.notify"
local uv = require "luv"

local directory

local function run(text, env)
  host.write(directory .. "/tree.lua", 'local luvisor = require "luvisor"\n' .. text)
  return host.spawn({ "run", "tree.lua" }, env, { cwd = directory })
end

local function begin()
  directory = host.directory()
end

describe("under a service manager", function()
  local address, heard

  before_each(function()
    begin()
    heard = {}
    address = assert(notify.open(function(_, text) heard[#heard + 1] = text end))
  end)
  after_each(function()
    notify.close()
    uv.run "nowait"
    host.clean_up()
  end)

  local function count(text)
    local n = 0
    for _, message in ipairs(heard) do
      if message:find(text, 1, true) then n = n + 1 end
    end
    return n
  end

  -- The receiver keeps no loop alive by itself: waiting does.
  local function expect(text, seconds, times)
    assert(host.wait_until(function() return count(text) >= (times or 1) end, seconds or 10),
      text .. " not in: " .. table.concat(heard, " / "))
  end

  local SLOW = [[return luvisor.supervisor { name = "top", children = {
    luvisor.program { name = "p", command = "sleep 1000", ready = { after = 0.4 } } } }]]

  it("says READY when the tree is up and not before, and STOPPING when it is told to stop", function()
    local process = run(SLOW:gsub("after = 0%.4", [[exec = "test -e go"]]), { NOTIFY_SOCKET = address })
    process:expect "STARTING"
    assert.equal(0, count "READY=1")
    host.write(directory .. "/go", "")
    expect "READY=1\nSTATUS=the tree is up"
    process:expect "top/p STARTING %-> RUNNING"
    assert.equal(0, count "STOPPING=1")
    assert.equal(0, process:stop())
    expect "STOPPING=1\nSTATUS=SIGTERM"
    assert.equal(0, count "WATCHDOG")
  end)

  it("says RELOADING before a reload and READY after it, whatever came of it", function()
    local process = run(SLOW, { NOTIFY_SOCKET = address })
    expect "READY=1\nSTATUS=the tree is up"
    process:signal "sighup"
    expect "RELOADING=1\nMONOTONIC_USEC="
    expect "READY=1\nSTATUS=reload: done"
    host.write(directory .. "/tree.lua", "return nonsense.here")
    process:signal "sighup"
    expect("RELOADING=1", 10, 2)
    expect "nonsense"
    expect("READY=1", 10, 3)
    assert.equal(1, (process:client { "reload", "--dry-run" }))
    assert.equal(2, count "RELOADING=1") -- a plan is no reload
    assert.equal(0, process:stop())
  end)

  it("says nothing of a reload before the tree is up", function()
    local process = run(SLOW:gsub("0%.4", "1000"), { NOTIFY_SOCKET = address })
    process:expect "STARTING"
    process:signal "sighup"
    process:expect "reload: nothing has changed"
    assert.same({}, heard)
  end)

  it("says STOPPING, once, when a client ends the host", function()
    local process = run(SLOW, { NOTIFY_SOCKET = address })
    expect "READY=1"
    assert.equal(0, (process:client { "shutdown" }))
    expect "STOPPING=1\nSTATUS=shutdown by uid "
    assert.equal(1, count "STOPPING=1")
    assert.equal(0, process:wait(10))
  end)

  it("never says READY when the tree fails", function()
    local process = run([[return luvisor.supervisor { name = "top", children = { luvisor.program { name = "p",
      command = "/no/such", critical = true, restart = luvisor.restart.retries(0) } } }]], { NOTIFY_SOCKET = address })
    assert.equal(1, process:wait(10))
    assert.same({}, heard)
  end)

  it("names who is in trouble in its status", function()
    run([[return luvisor.supervisor { name = "top", children = { luvisor.program { name = "p",
      command = "/no/such", restart = luvisor.restart.retries(0) } } }]], { NOTIFY_SOCKET = address })
    expect "READY=1\nSTATUS=the tree is up, but not all of it: top/p (execve: No such file or directory: /no/such)"
  end)

  it("feeds the watchdog, but not while its loop stands still", function()
    local process = run([[
      local worker = require("luvisor.worker").define()
      worker:actor("running", { every = 0.1 }, function(self)
        if self.stopping then return "complete" end
        local flag = io.open("block")
        if flag then
          flag:close()
          os.execute "rm block; while ! [ -f go ]; do sleep 0.1; done"
        end
        return "keepalive"
      end)
      return luvisor.supervisor { name = "top", children = { luvisor.worker { name = "w", module = worker } } }]],
      { NOTIFY_SOCKET = address, WATCHDOG_USEC = "200000" })
    process:expect "top starting %-> running"
    expect("WATCHDOG=1", 10, 5)
    host.write(directory .. "/block", "")
    assert(host.wait_until(function() return not host.read(directory .. "/block") end, 10))
    host.stay(0.3)
    local before = count "WATCHDOG=1"
    host.stay(1)
    assert.equal(before, count "WATCHDOG=1")
    host.write(directory .. "/go", "")
    expect("WATCHDOG=1", 10, before + 3)
  end)

  it("does not take what was meant for another process", function()
    local process = run(SLOW, { NOTIFY_SOCKET = address, WATCHDOG_USEC = "10000", WATCHDOG_PID = "1",
      LISTEN_FDS = "1", LISTEN_PID = "1", LISTEN_FDNAMES = "web" })
    expect "READY=1"
    assert.equal(0, count "WATCHDOG")
    assert.equal(0, process:stop())
  end)

  it("keeps the manager's address to itself", function()
    local process = run([[return luvisor.supervisor { name = "top", children = {
      luvisor.program { name = "p", command = "env", stdout = { prefix = true }, restart = "temporary" },
      luvisor.program { name = "q", command = "sleep 1000",
        ready = { exec = { "sh", "-c", "env > exec.txt" } } } } }]],
      { NOTIFY_SOCKET = address, WATCHDOG_USEC = "10000000", LISTEN_FDS = "0", OTHER = "seen" })
    process:expect "OTHER=seen"
    expect "READY=1"
    assert.equal(0, process:stop())
    assert.is_nil(process:stdout():find "NOTIFY_SOCKET")
    assert.is_nil(process:stdout():find "WATCHDOG_USEC")
    assert.is_nil(process:stdout():find "LISTEN_FDS")
    local probe = host.read(directory .. "/exec.txt")
    assert.truthy(probe:find "OTHER=seen")
    assert.is_nil(probe:find "NOTIFY_SOCKET")
  end)
end)
