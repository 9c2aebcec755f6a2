-- SPDX-License-Identifier: Apache-2.0
-- What is left of a whole host, whatever session it is in: nobody (3.34 to 3.36, 3.72).

local escape = require "escape"
local host = require "host"
local uv = require "luv"

describe("a host that was killed", function()
  before_each(escape.begin)
  after_each(escape.finish)

  local function program(keys, how)
    return ([[luvisor.program { name = "p", command = "python3 escape.py %s", stdout = "null", stderr = "null",
      stop = { timeout = 2 }, %s }]]):format(how or "meek", keys)
  end

  local function kill(process)
    process:signal "sigkill"
    process:wait(10)
  end

  --- Runs a host, and kills it when somebody has escaped: his pid, and the program's own.
  local function leave_behind(keys, how)
    local process = escape.run(program(keys, how))
    process:expect "top starting %-> running"
    local pid = escape.wait()
    local leader = tonumber(process:output():match "STARTING %(pid (%d+)%)")
    kill(process)
    if not keys:find "die_with_host" then -- else the next host may come upon it while it dies
      assert(host.wait_until(function() return not host.is_alive(leader) end, 10))
    end
    return pid, leader
  end

  it("leaves somebody behind whom the next one finds and ends before it starts anything", function()
    local pid = leave_behind ""
    assert.is_true(host.is_alive(pid))
    local second = escape.run(program "")
    second:expect("an earlier host has left behind " .. pid .. " %(top/p%): ending them")
    second:expect "top/p STOPPED %-> STARTING"
    assert.is_false(host.is_alive(pid))
    escape.wait()
    assert.equal(1, #escape.escaped())
    assert.equal(0, second:stop())
    assert.equal(0, #escape.escaped())
    assert.is_nil(uv.fs_stat(escape.directory .. "/luvisor/default.state"))
  end)

  it("has those who do not end killed when they have had the time of their unit", function()
    local pid = leave_behind("", "stubborn")
    local second = escape.run [[luvisor.program { name = "p", command = "sleep 1000", stop = { timeout = 0.2 } }]]
    second:expect("did not end in time, killing " .. pid)
    second:expect "top/p STOPPED %-> STARTING"
    assert.is_false(host.is_alive(pid))
  end)

  it("has them killed at once by one that is to end before they have; until then they have their time", function()
    local pid = leave_behind("", "stubborn")
    local second = escape.run [[luvisor.program { name = "p", command = "sleep 1000", stop = { timeout = 1000 } }]]
    second:expect("an earlier host has left behind " .. pid)
    host.stay(0.3)
    assert.is_true(host.is_alive(pid)) -- the control
    assert.equal(0, second:stop())
    second:expect("must end now, killing " .. pid)
    assert.is_false(host.is_alive(pid))
    assert.equal(0, second:count "STARTING")
    assert.is_nil(uv.fs_stat(escape.directory .. "/luvisor/default.state"))
  end)

  it("finds members whose leader is gone, and those that outlive the host by intent", function()
    local pid, leader = leave_behind "die_with_host = false"
    assert.is_true(host.is_alive(leader) and host.is_alive(pid))
    uv.kill(leader, "sigkill")
    assert(host.wait_until(function() return not host.is_alive(leader) end, 10))
    local second = escape.run(program "")
    second:expect("left behind " .. pid .. " %(top/p%): ending them")
    second:expect "top/p STOPPED %-> STARTING"
    assert.is_false(host.is_alive(pid))
  end)

  -- The control: another name is another host, and looks for nobody.
  it("would have its programs run twice if nobody looked", function()
    leave_behind "die_with_host = false"
    local second = escape.run(program "", "other")
    second:expect "top/p STOPPED %-> STARTING"
    escape.wait(2)
  end)

  it("has its programs let be with warn, by the next and by all after it", function()
    local first = escape.run(program [[die_with_host = false, orphans = "warn"]])
    first:expect "top starting %-> running"
    local pid = escape.wait()
    local leader = tonumber(first:output():match "STARTING %(pid (%d+)%)")
    kill(first)
    for _ = 1, 2 do
      local next_one = escape.run [[luvisor.program { name = "p", command = "sleep 1000", orphans = "warn" }]]
      next_one:expect "an earlier host has left behind [^\n]*: they are let be"
      next_one:expect "top starting %-> running"
      assert.is_true(host.is_alive(pid) and host.is_alive(leader))
      kill(next_one)
    end
    local last = escape.run ""
    last:expect "ending them"
    assert(host.wait_until(function() return not host.is_alive(pid) and not host.is_alive(leader) end, 10))
  end)

  it("has its program adopted: the same process goes on, is supervised, and is replaced when it ends", function()
    local keys = [[die_with_host = false, orphans = "adopt", backoff = { min = 0.01 }]]
    local pid, leader = leave_behind(keys)
    local second = escape.run(program(keys))
    second:expect(("top/p STOPPED %%-> STARTING %%(adopted, pid %d%%)"):format(leader))
    second:expect "top/p STARTING %-> RUNNING"
    assert.is_true(host.is_alive(leader) and host.is_alive(pid))
    assert.equal(1, #escape.escaped())
    uv.kill(leader, "sigkill")
    second:expect "top/p STOPPED %-> STARTING %(pid %d+%)"
    assert.is_false(host.is_alive(pid))
    assert.equal(0, second:stop())
    assert.equal(0, #escape.escaped())
  end)

  it("has its adopted program stopped, whole", function()
    local keys = [[die_with_host = false, orphans = "adopt"]]
    local pid, leader = leave_behind(keys)
    local second = escape.run(program(keys))
    second:expect "adopted, pid"
    kill(second) -- and the one after that finds it all the same
    local third = escape.run(program(keys))
    third:expect "adopted, pid"
    assert.equal(0, third:stop())
    assert.is_false(host.is_alive(leader) or host.is_alive(pid))
  end)

  it("has nobody killed for a record that is broken, foreign or of another boot", function()
    local pid = leave_behind "die_with_host = false"
    local path = escape.directory .. "/luvisor/default.state"
    local whole = host.read(path)
    for _, text in ipairs {
      "", whole:sub(1, -5), whole:gsub("record 1", "record 2"), (whole:gsub("instance ", "instance @")), "\0\1\2",
    } do
      host.write(path, text)
      local next_one = escape.run [[luvisor.program { name = "p", command = "sleep 1000" }]]
      next_one:expect "warn  luvisor [^\n]*default.state: is not a whole record of this version; nobody"
      next_one:expect "top starting %-> running"
      assert.is_true(host.is_alive(pid))
      assert.equal(0, next_one:stop())
    end
    host.write(path, (whole:gsub("boot %x", "boot x")))
    local next_one = escape.run [[luvisor.program { name = "p", command = "sleep 1000" }]]
    next_one:expect "top starting %-> running"
    assert.equal(0, next_one:count "default.state")
    assert.is_true(host.is_alive(pid))
    assert.equal(0, next_one:stop())
    host.write(path, whole) -- the control: with the record whole it is found
    escape.run "":expect("left behind [^\n]*" .. pid .. " %(top/p%)")
  end)

  -- Else the next host would take nobody for everybody. The control is the second look.
  it("has nobody overlooked for want of descriptors", function()
    host.write(escape.directory .. "/look.lua", [[
      local orphans, uv, open = require "host.orphans", require "luv", {}
      local record = require "luvisor.edge.service.record"
      assert(record.write(uv.cwd() .. "/record", { "1.a" }))
      while true do
        local fd = uv.fs_open("/dev/null", "r", 0)
        if not fd then break end
        open[#open + 1] = fd
      end
      local list, _, code = orphans.find "@none"
      io.write(tostring(list), " ", code, "\n")
      io.write(select(3, record.read "record"), "\n")
      for _ = 1, 3 do uv.fs_close(table.remove(open)) end
      io.write(type(orphans.find "@none"), " ", #record.read "record", "\n")]])
    local code, said = host.run({ "-c", 'ulimit -n 64; exec "$0" lua look.lua', host.binary }, nil, 20,
      { cwd = escape.directory, command = { "sh" } })
    assert.equal("nil EMFILE\nEMFILE\ntable 1\n", said)
    assert.equal(0, code)
  end)
end)
