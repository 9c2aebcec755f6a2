-- SPDX-License-Identifier: Apache-2.0
-- Programs in control groups of their own, where this machine lets us make any.

local host = require "host"
local uv = require "luv"

local HOG = 'b = bytearray(200 * 1024 * 1024); print("has it all", flush=True)'
local CROWD = [[
import subprocess
count = 0
try:
    while count < 40: subprocess.Popen(["sleep", "1000"]); count += 1
except OSError: pass
print("started %d" % count, flush=True)
import os; os.kill(0, 9)
]]
-- Leaves its session, and drops the mark by which it could be told.
local ESCAPE = [[
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0: os._exit(0)
    with open("escaped", "w") as f: f.write(str(os.getpid()))
    time.sleep(1000)
time.sleep(1000)
]]

-- Has another pid and another session whenever one looks.
local HOP = [[
import os, time
if os.fork() == 0:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        os.setsid()
        if os.fork() > 0: os._exit(0)
        open("hopping", "w").close()
    os._exit(0)
time.sleep(1000)
]]

local directory

local function run(children)
  host.write(directory .. "/tree.lua", ([[local luvisor = require "luvisor"
    return luvisor.supervisor { name = "top", children = { %s } }]]):format(children))
  host.write(directory .. "/hog.py", HOG)
  host.write(directory .. "/crowd.py", CROWD)
  host.write(directory .. "/escape.py", ESCAPE)
  host.write(directory .. "/hop.py", HOP)
  return host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
end

local function program(command, keys)
  return ([[luvisor.program { name = "p", command = %q, stdout = { prefix = true }, restart = "temporary", %s }]])
    :format(command, keys or "")
end

-- The groups that a host has made, as far as they are there.
local function groups_of(pid)
  local find = host.spawn({ "/sys/fs/cgroup", "-name", "luvisor-" .. pid .. ".*" }, nil, { command = { "find" } })
  find:wait(10)
  return find:stdout()
end

local function probe()
  directory = host.directory()
  local process = run(program("true", "cgroup = { memory = '32MB', pids = 10, cpu = 0.5 }"))
  process:wait(10)
  local said = process:output()
  host.clean_up()
  return not said:find "no cgroup controller" and not said:find "cannot be used" and not said:find "cgroup:", said
end

local able = probe()
local maybe = able and it or function(name) pending(name .. ": there are no control groups to be had") end

describe("a control group", function()
  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  maybe("bounds the memory of a program; without it there is no bound", function()
    local process = run(program("python3 hog.py", "cgroup = { memory = '32MB' }"))
    process:wait(20)
    process:expect "ended: signal 9"
    assert.equal(0, process:count "has it all")
    process = run(program "python3 hog.py")
    process:expect "has it all"
    assert.equal(0, process:wait(20))
  end)

  maybe("bounds the number of its processes; without it there is no bound", function()
    local process = run(program("python3 crowd.py", "cgroup = { pids = 10 }"))
    assert.is_true(tonumber(process:expect("started (%d+)", 20)) < 10)
    assert(process:wait(20))
    process = run(program "python3 crowd.py")
    assert.equal("40", process:expect("started (%d+)", 20))
    assert(process:wait(20)) -- all of them are gone
  end)

  maybe("bounds the memory of a worker in a process, whose exit says so; without it there is no bound", function()
    host.write(directory .. "/hog.lua", [[
      local worker = require "luvisor.worker"
      local Hog = worker.define()
      local all = {}
      Hog:actor("running", { every = 0.001 }, function()
        all[#all + 1] = ("x"):rep(2 ^ 20) .. #all
        if #all < 200 then return "keepalive" end
        print "has it all"
        return "complete"
      end)
      return Hog]])
    local hog = "luvisor.worker { name = 'p', module = 'hog', executor = 'process', restart = 'temporary', %s }"
    local process = run(hog:format "cgroup = { memory = '32MB' }")
    process:expect("top/p ended: memory: killed by the kernel", 20)
    assert.equal(0, process:count "has it all")
    process:wait(20)
    process = run(hog:format "")
    process:expect("has it all", 20)
    process:wait(20)
  end)

  maybe("of such a worker is told from a kill", function()
    host.write(directory .. "/idle.lua", [[
      local worker = require "luvisor.worker"
      local Idle = worker.define()
      Idle:actor("running", { every = 0.1 }, function(self) return self.stopping and "complete" or "keepalive" end)
      print("pid " .. require "luv".os_getpid())
      return Idle]])
    local process = run [[luvisor.worker { name = "p", module = "idle", executor = "process", restart = "temporary",
      cgroup = { memory = "64MB" } }]]
    process:expect "top starting %-> running"
    uv.kill(tonumber(process:expect("pid (%d+)", 10, 2)), "sigkill")
    process:expect "top/p ended: signal 9"
  end)

  -- The control is in escape_spec: without a group such a one is only found when the host ends.
  maybe("holds who has left session and mark behind; the program is gone when all are", function()
    local process = run([[luvisor.program { name = "p", command = "env -u LUVISOR_UNIT python3 escape.py",
      cgroup = true, backoff = { min = 0.01, max = 0.01 } }]])
    process:expect "top starting %-> running"
    assert(host.wait_until(function() return (host.read(directory .. "/escaped") or "") ~= "" end, 10))
    local pid = tonumber(host.read(directory .. "/escaped"))
    uv.kill(tonumber(process:expect "STARTING %(pid (%d+)%)"), "sigkill")
    process:expect("killing who is left in its cgroup: " .. pid)
    process:expect("STARTING %(pid (%d+)%)", 10, 2)
    assert.is_false(host.is_alive(pid))
    assert.equal(0, process:stop())
  end)

  -- The control is that nobody else can: what is read of a group's members is over when it is read.
  maybe("of version 2 is killed by the kernel, all of it at once", function()
    local process = run(program("env -u LUVISOR_UNIT python3 hop.py", "cgroup = true, ready = { after = 0 }"))
    local pid = process:expect "STARTING %(pid (%d+)%)"
    local path = host.read(("/proc/%s/cgroup"):format(pid)):match "0::([^\n]*/luvisor%-[%w.]+/[^\n]+)"
    local mount = host.read("/proc/self/mountinfo"):match "%d+ %d+ %S+ %S+ (%S+) [^\n]-%- cgroup2 "
    if not path or not mount then
      process:stop()
      return pending "there is no version 2 here"
    end
    local procs = mount .. path .. "/cgroup.procs"
    assert(host.wait_until(function() return uv.fs_stat(directory .. "/hopping") end, 10))
    assert.equal(0, process:stop())
    assert(process:output():find "killing who is left in its cgroup", process:output())
    assert.is_nil(uv.fs_stat(procs)) -- a group can be removed when nobody is in it
  end)

  maybe("is shared with nobody, whatever the names", function()
    local process = run([[
      luvisor.program { name = "a.b", command = "sleep 1000", cgroup = true, ready = { after = 0 } },
      luvisor.supervisor { name = "a", children = {
        luvisor.program { name = "b", command = "sleep 1000", cgroup = true, ready = { after = 0 } } } }]])
    process:expect "top starting %-> running"
    local one, other = process:expect "a%.b [^\n]*pid (%d+)", process:expect "a/b [^\n]*pid (%d+)"
    local function group_of(pid) return host.read(("/proc/%s/cgroup"):format(pid)):match "luvisor%-[%w.]+/[^\n]+" end
    assert.truthy(group_of(one))
    assert.are_not.equal(group_of(one), group_of(other))
    assert.equal(0, process:stop())
  end)

  maybe("is gone with its host", function()
    local process = run(program("sleep 1000", "cgroup = { pids = 10 }"))
    process:expect "top starting %-> running"
    local pid = process:expect "STARTING %(pid (%d+)%)"
    local group = host.read(("/proc/%s/cgroup"):format(pid)):match "luvisor%-[%w.]+/top%+p%.1"
    assert.truthy(group)
    assert.equal(0, process:stop())
    assert.equal("", groups_of(process.pid))
  end)

  maybe("of a host that was killed is removed by the next one that makes any, and no other", function()
    local children = program("sleep 1000", "cgroup = { pids = 10 }")
    local first, other = run(children), run(children)
    first:expect "STARTING %(pid (%d+)%)"
    other:expect "STARTING %(pid (%d+)%)"
    first:signal "sigkill"
    first:wait(10)
    assert.not_equal("", groups_of(first.pid)) -- the control arm
    local second = run(children)
    second:expect "STARTING %(pid (%d+)%)"
    assert(host.wait_until(function()
      local again = run(children) -- the processes of the first are gone a moment after it
      again:expect "STARTING %(pid (%d+)%)"
      again:stop()
      return groups_of(first.pid) == ""
    end, 20))
    assert.not_equal("", groups_of(other.pid))
    assert.equal(0, other:stop())
    assert.equal(0, second:stop())
  end)

  maybe("is gone with its host, with those of a subtree in a process in it", function()
    local process = run [[luvisor.supervisor { name = "sub", executor = "process", cgroup = { pids = 100 }, children = {
      luvisor.program { name = "p", command = "sleep 1000", cgroup = { pids = 10 }, ready = { after = 0 } } } }]]
    process:expect "top starting %-> running"
    assert.equal(0, process:stop())
    assert.equal("", groups_of(process.pid))
  end)
end)

describe("the key cgroup", function()
  it("is checked", function()
    directory = host.directory()
    for keys, message in pairs {
      ["cgroup = 5"] = 'key "cgroup": expected { memory =, pids =, cpu = } or true, got 5',
      ["cgroup = { memroy = 1 }"] = 'key "cgroup.memroy": unknown key, did you mean "memory"?',
      ["cgroup = { pids = 0 }"] = 'key "cgroup.pids": expected a whole number from 1 to 2147483647, got 0',
      ["cgroup = { cpu = 0 }"] = 'key "cgroup.cpu": expected a number from 0.01 to 1024, got 0',
    } do
      local process = run(program("true", keys))
      assert.equal(2, process:wait(10))
      assert.truthy(process:stderr():find(message, 1, true), process:stderr())
    end
    host.clean_up()
  end)
end)
