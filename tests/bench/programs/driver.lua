-- SPDX-License-Identifier: Apache-2.0
-- Measures one figure of one system that keeps programs alive, from outside; prints it as the other drivers do.
-- usage: luvisor lua driver.lua --limits DIR SYSTEM FIGURE N [SAMPLES, SECONDS or BYTES [TOTAL]]
--
-- The beacons say when they run by themselves, by the clock of the machine: how busy this process is does not matter.

local here = arg[0]:match "^(.*)/" or "."
package.path = ("%s/?.lua;%s/../../chaos/?.lua;%s"):format(here, here, package.path)

local proc = require "proc"
local systems = require "systems"
local uv = require "luv"

local PATIENCE = 120 -- seconds for anything

local limits, name, figure = assert(uv.fs_realpath(arg[2])), arg[3], arg[4] -- some change their directory
assert(uv.fs_access(limits .. "/beacon", "X"), limits .. "/beacon: is not there")
local count, amount, total = tonumber(arg[5]), tonumber(arg[6]), tonumber(arg[7])
local system = systems[name]
local said, is_silent, is_over = {}, false, false

local function report(key, value, unit)
  io.write(("%s\t%.9g\t%s\n"):format(key, value, unit))
end

local function wait_for(predicate, what)
  local limit = uv.new_timer()
  local late = false
  limit:start(PATIENCE * 1000, 0, function() late = true end)
  while not predicate() do
    if late then error(("%s: %s does not come"):format(name, what)) end
    uv.run "once"
  end
  limit:close()
end

-- ---- the job

local dir = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/luvisor-bench-XXXXXX"))
local fifo = dir .. "/fifo"
local job = { dir = dir, count = count, limits = limits, log = figure == "log" }

function job.command(i)
  local command = { limits .. "/beacon", fifo, tostring(i) }
  if job.log then command[4], command[5] = tostring(amount), tostring(total) end
  return command
end

local function listen()
  assert(os.execute("mkfifo " .. fifo))
  local fd = assert(uv.fs_open(fifo, uv.constants.O_RDONLY + uv.constants.O_NONBLOCK, 0))
  local pipe, rest = uv.new_pipe(false), ""
  pipe:open(fd)
  pipe:read_start(function(_, chunk)
    if not chunk then
      is_silent = uv.hrtime()
      return pipe:close()
    end
    rest = (rest .. chunk):gsub("(%d+) (%d+) (%d+)\n", function(number, value, at)
      said[#said + 1] = { number = tonumber(number), value = tonumber(value), at = tonumber(at) }
      return ""
    end)
  end)
end

local function spawn(command, on_exit)
  local handle
  local null = uv.fs_open("/dev/null", "w", 0)
  handle = assert(uv.spawn(command[1], { args = table.move(command, 2, #command, 1, {}),
    stdio = { nil, null, 2 } }, function(code)
    handle:close()
    on_exit(code)
  end), command[1])
  uv.fs_close(null)
  return handle
end

local function begin()
  listen()
  return spawn(system.setup(job), function() is_over = true end)
end

-- Everybody below it who is no beacon: it, its helpers, its writers of logs.
local function supervisors(pid)
  local children, list = {}, { pid }
  for _, one in ipairs(proc.pids()) do
    local _, parent, command = proc.stat(one)
    if parent and command ~= "beacon" then
      children[parent] = children[parent] or {}
      table.insert(children[parent], one)
    end
  end
  local at = 1
  while list[at] do
    for _, child in ipairs(children[list[at]] or {}) do list[#list + 1] = child end
    at = at + 1
  end
  return list
end

local function percentile(list, share)
  table.sort(list)
  return list[math.max(1, math.ceil(#list * share))]
end

-- ---- the figures

local figures = {}

function figures.start()
  report("start.time", (said[#said].at - said[1].at) / 1e3 / math.max(1, #said - 1), "us")
end

function figures.restart()
  local times = {}
  for i = 1, amount do
    local pid, killed = said[#said].value, uv.hrtime()
    uv.kill(pid, "sigkill")
    wait_for(function() return #said > count + i - 1 end, "a replacement")
    times[i] = (said[#said].at - killed) / 1e6
  end
  report("restart.p50", percentile(times, 0.5), "ms")
  report("restart.p99", percentile(times, 0.99), "ms")
end

function figures.stop(handle)
  local began = uv.hrtime()
  handle:kill(system.stop)
  wait_for(function() return is_silent end, "the end of all")
  report("stop.time", (is_silent - began) / 1e3 / count, "us")
end

function figures.memory(handle)
  local sum = 0
  for _, pid in ipairs(supervisors(handle:get_pid())) do sum = sum + (proc.share(pid) or 0) end
  report("memory.all", sum / 1024, "MB")
end

function figures.idle(handle)
  local pids = supervisors(handle:get_pid())
  local function used()
    local cpu, wakes = 0, 0
    for _, pid in ipairs(pids) do
      local ticks, switches = proc.work(pid)
      cpu, wakes = cpu + (ticks or 0), wakes + (switches or 0)
    end
    return cpu, wakes
  end
  local cpu, wakes = used()
  local over = false
  local timer = uv.new_timer()
  timer:start(math.floor(amount * 1000), 0, function() over = true end)
  wait_for(function() return over end, "time")
  local cpu_then, wakes_then = used()
  report("idle.cpu", (cpu_then - cpu) / amount, "%") -- a tick is a hundredth of a second
  report("idle.wakes", (wakes_then - wakes) / amount, "1/s")
end

function figures.status()
  local times = {}
  for i = 1, amount do
    local began, took = uv.hrtime(), nil
    spawn(system.status(job), function() took = uv.hrtime() - began end)
    wait_for(function() return took end, "a status")
    times[i] = took / 1e6
  end
  report("status.time", percentile(times, 0.5), "ms")
end

function figures.log()
  report("log.rate", total / said[1].value * 1e3, "MB/s")
end

-- ---- all of it

-- Names of those of a list that live, by pid.
local function living(pids)
  local names = {}
  for _, pid in ipairs(pids) do
    local state, _, called = proc.stat(pid)
    if state and state ~= "Z" then names[pid] = called end
  end
  return names
end

-- Helpers may outlive who started them, and a log writer whose directory is gone waits for it for ever.
local function outlast(names)
  local limit = uv.hrtime() + 10e9
  while next(names) and uv.hrtime() < limit do
    for pid, called in pairs(names) do
      local state, _, called_now = proc.stat(pid)
      if not state or state == "Z" or called_now ~= called then names[pid] = nil end
    end
    uv.sleep(10)
  end
  for pid in pairs(names) do uv.kill(pid, "sigkill") end
end

local function kill_all(handle)
  local helpers = is_over and {} or living(supervisors(handle:get_pid()))
  if not is_over then
    helpers[handle:get_pid()] = nil
    handle:kill(system.stop)
  end
  local silent, why = pcall(wait_for, function() return is_silent end, "the end of all")
  local timer, over = uv.new_timer(), false
  timer:start(5000, 0, function() over = true end)
  wait_for(function() return is_over or over end, "its end")
  if not is_over then handle:kill "sigkill" end
  outlast(helpers)
  os.execute("rm -rf " .. dir)
  if not silent then error(why, 0) end
end

local function measure(handle)
  wait_for(function() return #said >= count end, "the start of all")
  figures[figure](handle)
end

-- Who is told to end takes them with him.
local function leave(handle)
  for _, signal in ipairs { "sigterm", "sigint" } do
    uv.new_signal():start(signal, function()
      pcall(kill_all, handle)
      os.exit(1)
    end)
  end
end

local handle = begin()
leave(handle)
local ok, why = pcall(measure, handle)
kill_all(handle)
if not ok then io.stderr:write(why, "\n") end
os.exit(ok and 0 or 1)
