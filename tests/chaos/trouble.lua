-- SPDX-License-Identifier: Apache-2.0
-- What is done to an arena. Each kind of trouble begins at once and ends by itself some time later; trouble.over()
-- tells when there is none left.

local arenas = require "arena"
local host = require "host"
local proc = require "proc"
local uv = require "luv"

local trouble = { open = 0, counts = {} }

local kinds = {}

local function pick(list)
  return list[math.random(#list)]
end

--- Calls a function some time later, whatever happens meanwhile.
local function later(seconds, fn)
  local timer = uv.new_timer()
  trouble.open = trouble.open + 1
  timer:start(math.floor(seconds * 1000), 0, function()
    timer:close()
    trouble.open = trouble.open - 1
    fn()
  end)
end

local function between(low, high)
  return low + (high - low) * math.random()
end

local function kill(pid, signal)
  uv.kill(pid, signal)
end

local function pick_unit()
  local names = { "top/many:*", "top/inner/**", "talking", "**/right", "top/inner", "top/inner/core" }
  return math.random() < 0.3 and pick(names) or pick(arenas.leaves)
end

-- ---- signals

--- Kills somebody of it: a leader, a child, a runtime, somebody who has escaped.
function kinds.kill(arena)
  local members = arena:members()
  for _ = 1, math.random(3) do
    if #members > 0 then kill(pick(members).pid, "sigkill") end
  end
end

--- Kills all of a kind at the same time.
function kinds.massacre(arena)
  local path = pick(arenas.leaves)
  for _, member in ipairs(arena:members()) do
    if (member.mark or ""):sub(1, #path) == path then kill(member.pid, "sigkill") end
  end
end

function kinds.pause(arena)
  local members = arena:members()
  if #members == 0 then return end
  local pid = pick(members).pid
  local mark = proc.variable(pid, "LUVISOR_UNIT")
  kill(pid, "sigstop")
  later(between(0.05, 2), function()
    if proc.variable(pid, "LUVISOR_UNIT") == mark then kill(pid, "sigcont") end
  end)
end

function kinds.pause_host(arena)
  if arena.paused then return end
  local process = arena.process
  arena.paused = true
  process:signal "sigstop"
  later(between(0.05, 2), function()
    process:signal "sigcont"
    arena.paused = false
  end)
end

--- The host dies, as by the kernel's hand; another of that name begins.
function kinds.kill_host(arena)
  if arena.is_steady or arena.paused then return end
  arena:replace()
end

function kinds.reopen(arena)
  arena:tell "sigusr1"
end

-- ---- commands

local commands = { "start", "stop", "restart", "signal", "storm", "why", "logs" }

local function begin(arena, command)
  if command == "signal" then
    return arena:begin("signal", pick { "HUP", "USR1", "TERM", "KILL", "STOP", "CONT" }, pick_unit())
  elseif command == "why" or command == "logs" then
    return arena:begin(command, pick_unit())
  end
  local words = { pick_unit(), pick_unit() }
  if command ~= "start" and math.random() < 0.3 then words[#words + 1] = "--force" end
  words[#words + 1] = math.random() < 0.5 and "--no-wait" or "--timeout=3"
  return arena:begin(command, table.unpack(words))
end

-- One command at a time is running; how it ends is not what counts.
local function run(arena, command)
  local process = begin(arena, command)
  local timer = uv.new_timer()
  trouble.open = trouble.open + 1
  timer:start(20, 20, function()
    if not process.over then return end
    timer:close()
    trouble.open = trouble.open - 1
  end)
end

function kinds.command(arena)
  run(arena, pick(commands))
end

function kinds.storm(arena)
  for _ = 1, math.random(3, 8) do run(arena, pick { "start", "stop", "restart" }) end
end

function kinds.reload(arena)
  arena:set_variant(arena.variant + math.random(0, 1))
  arena:tell "sighup"
end

-- ---- what the system is short of

--- The disk of the logs is full for a while.
function kinds.full_disk(arena)
  local path = arena.logs .. "/filler"
  local file = io.open(path, "wb")
  if not file then return end
  local block = ("x"):rep(65536)
  for _ = 1, 1024 do
    if not file:write(block) or not file:flush() then break end
  end
  file:close()
  later(between(0.2, 1.5), function() uv.fs_unlink(path) end)
end

local function limit(pid, name, value)
  os.execute(("prlimit --pid %d --%s=%s: 2> /dev/null"):format(pid, name, value))
end

--- No file of the host may be larger than a few kilobytes: the full disk of those who are not root.
function kinds.small_files(arena)
  local pid = arena.pid
  limit(pid, "fsize", "4000")
  later(between(0.2, 1.5), function() limit(pid, "fsize", "unlimited") end)
end

--- The host can open a descriptor or two, and no more.
function kinds.no_descriptors(arena)
  local pid = arena.pid
  limit(pid, "nofile", proc.fds(pid) + math.random(0, 4))
  later(between(0.2, 1.5), function() limit(pid, "nofile", 1024) end)
end

--- Somebody else moves a log away.
function kinds.move_log(arena)
  local path = arena.logs .. "/talking.log"
  uv.fs_rename(path, path .. ".1")
end

function kinds.ill(arena)
  arena:flag("ill", true)
  later(between(0.5, 2), function() arena:flag("ill", false) end)
end

-- ---- all of it

local WEIGHTS = {
  kill = 10, massacre = 3, pause = 4, pause_host = 2, kill_host = 2, reopen = 1, command = 8, storm = 2, reload = 3,
  full_disk = 2, small_files = 1, no_descriptors = 2, move_log = 1, ill = 1,
}

local only = os.getenv "CHAOS_KINDS" -- for the control arms
local hat = {}
for name, weight in pairs(WEIGHTS) do
  local is_wanted = not only or ("," .. only .. ","):find("," .. name .. ",", 1, true)
  for _ = 1, is_wanted and weight or 0 do hat[#hat + 1] = name end
end
table.sort(hat) -- the same for the same seed

--- Does something to it.
function trouble.begin(arena)
  local name = pick(hat)
  trouble.counts[name] = (trouble.counts[name] or 0) + 1
  kinds[name](arena)
end

--- Waits until all that was begun is over.
function trouble.over()
  return host.wait_until(function() return trouble.open == 0 end, 60)
end

return trouble
