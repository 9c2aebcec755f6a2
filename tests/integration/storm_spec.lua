-- SPDX-License-Identifier: Apache-2.0
-- Commands that arrive together, in any order, and at the wrong moment. The program holds a lock with all that it has
-- forked, so that two of it at the same time would be seen: what one of them finds is in the file "violations".

local host = require "host"
local uv = require "luv"

local VICTIM = host.binary:match "^(.*)/[^/]*$" .. "/helpers/victim"

local directory, running

local function begin(children)
  host.write(directory .. "/tree.lua", ([[local luvisor = require "luvisor"
    return luvisor.supervisor { name = "top", children = { %s } }]]):format(children))
  running = host.spawn({ "run", directory .. "/tree.lua" })
  return running
end

local function program(name, options, keys)
  return ([[luvisor.program { name = %q, command = { %q, %q, %q, %s }, stdout = "null", ready = { after = 0.05 },
    backoff = { min = 0.01, max = 0.05 }, restart = luvisor.restart.always, stop = { timeout = 1 }, %s }]])
    :format(name, VICTIM, directory, name, options or "", keys or "")
end

-- The processes of a unit, by their mark.
local function members(path)
  local list, scan = {}, uv.fs_scandir "/proc"
  for name in uv.fs_scandir_next, scan do
    local environment = name:find "^%d+$" and host.read("/proc/" .. name .. "/environ") or ""
    if environment:find("LUVISOR_UNIT=" .. path .. "/", 1, true) and environment:find(running.place, 1, true) then
      list[#list + 1] = tonumber(name)
    end
  end
  return list
end

local function all_over(clients)
  assert(host.wait_until(function()
    for _, client in ipairs(clients) do
      if not client.over then return false end
    end
    return true
  end, 60), "a command does not end")
end

describe("a storm of commands", function()
  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  it("never has a program run twice, and ends where the last one says (3.1, 3.2, 3.3)", function()
    local process = begin(program("p", [["children=1"]]))
    process:expect "top/p STARTING %-> RUNNING"
    for _ = 1, 3 do
      local clients, words = {}, { "start", "stop", "restart" }
      for i = 1, 12 do clients[i] = process:follow { words[i % 3 + 1], "--timeout=20", "p" } end
      all_over(clients)
      assert.equal(0, (process:client { "stop", "p" }))
      assert.same({}, members "top/p")
      assert.equal(0, (process:client { "start", "p" }))
      assert.is_true(host.wait_until(function() return #members "top/p" == 3 end, 20)) -- it forks after its start
    end
    assert.is_nil(host.read(directory .. "/violations"))
    assert.equal(0, process:stop())
  end)

  it("would show if one did (the control)", function()
    local process = begin(program("p") .. "," .. program("p"):gsub('name = "p"', 'name = "q"'))
    host.wait_until(function() return host.read(directory .. "/violations") end, 10)
    assert.matches("duplicate of p: pid %d+ %(top/%a/", host.read(directory .. "/violations"))
    assert.equal(0, process:stop())
  end)

  it("stops for good what crashes again and again (3.2)", function()
    local process = begin(program("p", [["crash=30"]]))
    process:expect("ended: exit 1, restarts", 20, 5)
    for _ = 1, 5 do
      assert.equal(0, (process:client { "stop", "p" }))
      local starts = process:count "STARTING %(pid"
      host.stay(0.3) -- several times its longest delay
      assert.equal(starts, process:count "STARTING %(pid")
      assert.same({}, members "top/p")
      process:client { "start", "--no-wait", "p" }
      process:expect("STARTING %(pid", 10, starts + 1)
    end
    assert.equal(0, process:stop())
  end)

  it("of signals: HUP does not disturb a shutdown, and the second TERM hurries it (3.69)", function()
    local process = begin(program("p", [["children=1", "stubborn=1"]], "shutdown = 600"):gsub("stop = %b{},", ""))
    process:expect "top/p STARTING %-> RUNNING"
    process:signal "sigterm"
    process:expect "luvisor SIGTERM: stopping"
    process:signal "sighup"
    process:signal "sighup"
    process:expect "SIGHUP"
    assert.is_true(#members "top/p" > 0)
    process:signal "sigterm"
    assert.equal(0, (process:wait(20)))
    assert.same({}, members "top/p")
    assert.equal(0, process:count "reload: done", process:output())
  end)

  it("does not make a shutdown longer than the longest of its programs (3.71)", function()
    local children = {}
    for i = 1, 20 do children[i] = program("p" .. i, [["children=1", "stubborn=1"]]) end
    local process = begin(table.concat(children, ","))
    process:expect("STARTING %-> RUNNING", 30, 20)
    local began = uv.hrtime()
    assert.equal(0, process:stop(60))
    -- One after the other they would take 20 s.
    assert.is_true((uv.hrtime() - began) / 1e9 < 10 * host.slowness)
    for i = 1, 20 do assert.same({}, members("top/p" .. i)) end
  end)
end)

describe("probes that are called off", function()
  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function fds(pid) return #host.entries(("/proc/%d/fd"):format(pid)) end

  -- A listener whose queue is full answers nobody.
  local function mute_port()
    local server, clients = uv.new_tcp(), {}
    assert(server:bind("127.0.0.1", 0))
    server:listen(1, function() end)
    return server:getsockname().port, server, clients
  end

  it("leave no descriptor behind (tcp_check_no_fd_leak_on_cancel)", function()
    local port, server = mute_port()
    local process = begin(program("p", "", ([[start_timeout = 0.1, ready = { http = "http://127.0.0.1:%d/" } ]])
      :format(port)):gsub("ready = { after = 0.05 },", ""))
    process:expect("not ready within", 30, 3)
    process:client { "stop", "p" }
    local before = fds(process.pid)
    process:client { "start", "--no-wait", "p" }
    process:expect("not ready within", 30, 20)
    -- The control: one that is under way is seen.
    assert.is_true(host.wait_until(function() return fds(process.pid) > before end, 10))
    process:client { "stop", "p" }
    assert.is_true(host.wait_until(function() return fds(process.pid) <= before end, 10))
    server:close()
    assert.equal(0, process:stop())
  end)
end)
