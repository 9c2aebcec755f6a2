-- SPDX-License-Identifier: Apache-2.0
-- What is left of a program, or of a whole host: nobody, whatever session it is in (3.5, 3.6, 3.34 to 3.36, 3.72).
--
-- The programs are silent: one that writes into the pipe of a dead host would die of that, and prove nothing.

local host = require "host"
local uv = require "luv"

-- Leaves one behind that has a session of its own and ignores SIGTERM if it is to be stubborn, and whose pid is in the
-- name of a file; then waits, or ends with 7 when there is a file "end". Both end with the directory of the test.
local ESCAPE = [[
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0: os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1] == "stubborn" else signal.SIG_DFL)
    with open("escaped.%d" % os.getpid(), "w") as f: f.write("x")
    while os.path.exists("escape.py"): time.sleep(0.1)
    os._exit(0)
os.wait()
while os.path.exists("escape.py") and not os.path.exists("end"): time.sleep(0.01)
os._exit(7)
]]

local directory, remove_directory

-- A zombie is dead; who reaps it in the end is another matter.
local function is_alive(pid)
  local status = host.read(("/proc/%d/stat"):format(pid))
  return status ~= nil and not status:find "^%d+ %b() [ZX]"
end

local function escaped()
  local pids = {}
  local scan = uv.fs_scandir(directory)
  for name in uv.fs_scandir_next, scan do
    local pid = tonumber(name:match "^escaped%.(%d+)$")
    if pid and is_alive(pid) then pids[#pids + 1] = pid end
  end
  return pids
end

local function begin()
  directory, remove_directory = host.directory()
  host.write(directory .. "/escape.py", ESCAPE)
end

local function finish()
  for _, pid in ipairs(escaped()) do uv.kill(pid, "sigkill") end
  host.clean_up()
  remove_directory()
end

local function run(children, name)
  host.write(directory .. "/tree.lua", ([[local luvisor = require "luvisor"
    return luvisor.supervisor { name = "top", children = { %s } }]]):format(children))
  local words = { "run", "--name=" .. (name or "default"), "tree.lua" }
  return host.spawn(words, { XDG_RUNTIME_DIR = directory }, { cwd = directory })
end

local function wait_for_escape(count)
  assert(host.wait_until(function() return #escaped() == (count or 1) end, 15), "nobody has escaped")
  return escaped()[1]
end

describe("a program whose child has left its session", function()
  before_each(begin)
  after_each(finish)

  local function program(keys, how)
    return ([[luvisor.program { name = "p", command = "python3 escape.py %s", stdout = "null", %s }]])
      :format(how or "stubborn", keys)
  end

  it("is stopped when that is dead, too", function()
    local process = run(program [[stop = { timeout = 0.5 }]])
    process:expect "top starting %-> running"
    local pid = wait_for_escape()
    assert.are_not.equal(uv.os_getpid(), pid)
    assert.equal(0, process:stop())
    assert.is_false(is_alive(pid))
    process:expect("others live on: " .. pid)
    process:expect("did not end within 0.5 s, killing " .. pid)
  end)

  it("is not started again before that", function()
    local process = run(program([[stop = { timeout = 0.5 }, backoff = { min = 0.01, max = 0.01 } ]]))
    process:expect "top starting %-> running"
    local pid = wait_for_escape()
    host.write(directory .. "/end", "")
    process:expect("others live on: " .. pid)
    assert.equal(1, process:count "STARTING %(pid")
    local _, text = process:client { "status" } -- it has its mark: it is its unit's affair
    assert.is_nil(text:find("got away", 1, true), text)
    process:expect("did not end within 0.5 s, killing " .. pid)
    process:expect("STARTING %(pid", 10, 2)
    assert.is_false(is_alive(pid))
  end)

  it("asks it to end first, as everybody else", function()
    local process = run(program("stop = { timeout = 30 }", "meek"))
    process:expect "top starting %-> running"
    local pid = wait_for_escape()
    assert.equal(0, process:stop())
    assert.is_false(is_alive(pid))
    assert.equal(0, process:count "killing", process:output())
  end)

  -- The control: without the mark, and so without a unit, it is found by nobody before the host ends.
  it("would leave it behind without the mark; the host kills it at its end", function()
    host.write(directory .. "/clean.sh", [[exec env -u LUVISOR_UNIT python3 escape.py stubborn]])
    local process = run [[luvisor.program { name = "p", command = "sh clean.sh", stdout = "null",
      stop = { timeout = 0.5 }, backoff = { min = 0.01, max = 0.01 } }]]
    process:expect "top starting %-> running"
    local pid = wait_for_escape()
    host.write(directory .. "/end", "")
    process:expect("STARTING %(pid", 10, 2)
    assert.is_true(is_alive(pid))
    local _, table_text = process:client { "status" }
    assert.truthy(table_text:find("got away from [^\n]*: pid [%d, ]*" .. pid), table_text)
    assert.equal(0, process:stop())
    process:expect "killing [%d, ]+: they have got away from their units"
    assert.is_false(is_alive(pid))
  end)
end)

describe("a host that was killed", function()
  before_each(begin)
  after_each(finish)

  local function program(keys, how)
    return ([[luvisor.program { name = "p", command = "python3 escape.py %s", stdout = "null", stderr = "null",
      stop = { timeout = 2 }, %s }]]):format(how or "meek", keys)
  end

  local function kill(process)
    process:signal "sigkill"
    process:wait(10)
  end

  it("leaves somebody behind whom the next one finds and ends before it starts anything", function()
    local first = run(program "")
    first:expect "top starting %-> running"
    local pid = wait_for_escape()
    kill(first)
    assert.is_true(is_alive(pid))
    local second = run(program "")
    second:expect("an earlier host has left behind " .. pid .. " %(top/p%): ending them")
    second:expect "top/p STOPPED %-> STARTING"
    assert.is_false(is_alive(pid))
    wait_for_escape()
    assert.equal(1, #escaped())
    assert.equal(0, second:stop())
    assert.equal(0, #escaped())
    assert.is_nil(uv.fs_stat(directory .. "/luvisor/default.state"))
  end)

  it("has those who do not end killed when they have had the time of their unit", function()
    local first = run(program("", "stubborn"))
    first:expect "top starting %-> running"
    local pid = wait_for_escape()
    kill(first)
    local second = run [[luvisor.program { name = "p", command = "sleep 1000", stop = { timeout = 0.2 } }]]
    second:expect("did not end in time, killing " .. pid)
    second:expect "top/p STOPPED %-> STARTING"
    assert.is_false(is_alive(pid))
  end)

  it("has them killed at once by one that is to end before they have; until then they have their time", function()
    local first = run(program("", "stubborn"))
    first:expect "top starting %-> running"
    local pid = wait_for_escape()
    kill(first)
    local second = run [[luvisor.program { name = "p", command = "sleep 1000", stop = { timeout = 1000 } }]]
    second:expect("an earlier host has left behind " .. pid)
    host.stay(0.3)
    assert.is_true(is_alive(pid)) -- the control
    assert.equal(0, second:stop())
    second:expect("must end now, killing " .. pid)
    assert.is_false(is_alive(pid))
    assert.equal(0, second:count "STARTING")
    assert.is_nil(uv.fs_stat(directory .. "/luvisor/default.state"))
  end)

  it("finds members whose leader is gone, and those that outlive the host by intent", function()
    local first = run(program "die_with_host = false")
    first:expect "top starting %-> running"
    local pid = wait_for_escape()
    local leader = tonumber(first:output():match "STARTING %(pid (%d+)%)")
    kill(first)
    assert.is_true(is_alive(leader) and is_alive(pid))
    uv.kill(leader, "sigkill")
    assert(host.wait_until(function() return not is_alive(leader) end, 10))
    local second = run(program "")
    second:expect("left behind " .. pid .. " %(top/p%): ending them")
    second:expect "top/p STOPPED %-> STARTING"
    assert.is_false(is_alive(pid))
  end)

  -- The control: another name is another host, and looks for nobody.
  it("would have its programs run twice if nobody looked", function()
    local first = run(program "die_with_host = false")
    first:expect "top starting %-> running"
    wait_for_escape()
    kill(first)
    local second = run(program "", "other")
    second:expect "top/p STOPPED %-> STARTING"
    wait_for_escape(2)
  end)

  it("has its programs let be with warn, by the next and by all after it", function()
    local first = run(program [[die_with_host = false, orphans = "warn"]])
    first:expect "top starting %-> running"
    local pid = wait_for_escape()
    local leader = tonumber(first:output():match "STARTING %(pid (%d+)%)")
    kill(first)
    for _ = 1, 2 do
      local next_one = run [[luvisor.program { name = "p", command = "sleep 1000", orphans = "warn" }]]
      next_one:expect "an earlier host has left behind [^\n]*: they are let be"
      next_one:expect "top starting %-> running"
      assert.is_true(is_alive(pid) and is_alive(leader))
      kill(next_one)
    end
    local last = run ""
    last:expect "ending them"
    assert(host.wait_until(function() return not is_alive(pid) and not is_alive(leader) end, 10))
  end)

  it("has its program adopted: the same process goes on, is supervised, and is replaced when it ends", function()
    local keys = [[die_with_host = false, orphans = "adopt", backoff = { min = 0.01 }]]
    local first = run(program(keys))
    first:expect "top starting %-> running"
    local pid = wait_for_escape()
    local leader = tonumber(first:output():match "STARTING %(pid (%d+)%)")
    kill(first)
    local second = run(program(keys))
    second:expect(("top/p STOPPED %%-> STARTING %%(adopted, pid %d%%)"):format(leader))
    second:expect "top/p STARTING %-> RUNNING"
    assert.is_true(is_alive(leader) and is_alive(pid))
    assert.equal(1, #escaped())
    uv.kill(leader, "sigkill")
    second:expect "top/p STOPPED %-> STARTING %(pid %d+%)"
    assert.is_false(is_alive(pid))
    assert.equal(0, second:stop())
    assert.equal(0, #escaped())
  end)

  it("has its adopted program stopped, whole", function()
    local keys = [[die_with_host = false, orphans = "adopt"]]
    local first = run(program(keys))
    first:expect "top starting %-> running"
    local pid = wait_for_escape()
    local leader = tonumber(first:output():match "STARTING %(pid (%d+)%)")
    kill(first)
    local second = run(program(keys))
    second:expect "adopted, pid"
    kill(second) -- and the one after that finds it all the same
    local third = run(program(keys))
    third:expect "adopted, pid"
    assert.equal(0, third:stop())
    assert.is_false(is_alive(leader) or is_alive(pid))
  end)

  it("has nobody killed for a record that is broken, foreign or of another boot", function()
    local first = run(program "die_with_host = false")
    first:expect "top starting %-> running"
    local pid = wait_for_escape()
    kill(first)
    local path = directory .. "/luvisor/default.state"
    local whole = host.read(path)
    for _, text in ipairs {
      "", whole:sub(1, -5), whole:gsub("record 1", "record 2"), (whole:gsub("instance ", "instance @")), "\0\1\2",
    } do
      host.write(path, text)
      local next_one = run [[luvisor.program { name = "p", command = "sleep 1000" }]]
      next_one:expect "warn  luvisor [^\n]*default.state: is not a whole record of this version; nobody"
      next_one:expect "top starting %-> running"
      assert.is_true(is_alive(pid))
      assert.equal(0, next_one:stop())
    end
    host.write(path, (whole:gsub("boot %x", "boot x")))
    local next_one = run [[luvisor.program { name = "p", command = "sleep 1000" }]]
    next_one:expect "top starting %-> running"
    assert.equal(0, next_one:count "default.state")
    assert.is_true(is_alive(pid))
    assert.equal(0, next_one:stop())
    host.write(path, whole) -- the control: with the record whole it is found
    run "":expect("left behind [^\n]*" .. pid .. " %(top/p%)")
  end)

  -- Else the next host would take nobody for everybody. The control is the second look.
  it("has nobody overlooked for want of descriptors", function()
    host.write(directory .. "/look.lua", [[
      local orphans, uv, open = require "host.orphans", require "luv", {}
      local record = require "luvisor.edge.record"
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
      { cwd = directory, command = { "sh" } })
    assert.equal("nil EMFILE\nEMFILE\ntable 1\n", said)
    assert.equal(0, code)
  end)
end)
