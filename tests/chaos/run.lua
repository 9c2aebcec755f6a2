-- SPDX-License-Identifier: Apache-2.0
-- Chaos: two hosts with the same tree, to which all kinds of trouble come, at random; one of them is killed, too, and
-- replaced. After every round both are left in peace, told which units are to be up, and looked at.
-- usage: luvisor lua tests/chaos/run.lua [SECONDS] [SEED]
--
-- Exit code 0: all that must hold held. 1: it did not; the directory with the logs is kept.

local here = arg[0]:match "^(.*)/[^/]*$"
package.path = ("%s/?.lua;%s/../support/?.lua;%s"):format(here, here, package.path)

local arenas = require "arena"
local host = require "host"
local proc = require "proc"
local reality = require "reality"
local trouble = require "trouble"
local uv = require "luv"

local seconds = tonumber(arg[1]) or 30
local seed = math.tointeger(tonumber(arg[2])) or os.time() % 100000
local ROUND, PATIENCE = math.min(10, seconds / 3), 30

local base = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/luvisor-chaos-XXXXXX"))
local logs = base .. "/logs"
local all, samples, failures = {}, {}, {}
local is_mounted

local function say(fmt, ...)
  io.write(fmt:format(...), "\n")
  io.flush()
end

-- ---- the logs are on a small disk of their own, where that can be had

local function prepare()
  assert(uv.fs_mkdir(logs, 448))
  is_mounted = os.execute(("mount -t tmpfs -o size=512k,mode=700 chaos %s 2> /dev/null"):format(logs)) == true
  for _, name in ipairs { "steady", "mortal" } do
    local arena = arenas.new(base, logs, name, tostring(uv.os_getpid()))
    arena.is_steady = name == "steady"
    all[#all + 1] = arena
  end
end

local function remove()
  if #failures > 0 then os.execute(("cp -r %s %s/logs-then"):format(logs, base)) end
  if is_mounted then os.execute("umount -l " .. logs) end
  if #failures == 0 then host.remove(base) else say("see %s", base) end
end

-- ---- a round

local function fail(arena, list, where)
  for _, text in ipairs(list) do
    failures[#failures + 1] = text
    say("FAILED  %s, %s: %s", arena.name, where, text)
  end
end

local function rage()
  local over = uv.now() + ROUND * 1000
  while uv.now() < over do
    trouble.begin(all[math.random(#all)])
    host.stay(math.random() * 0.2)
  end
end

local function expect_all(arena)
  local expected = { top = true }
  for _, path in ipairs(arenas.supervisors) do expected[path] = true end
  for _, path in ipairs(arenas.leaves) do expected[path] = true end
  if arena.variant % 2 == 1 then expected["top/extra"] = true end
  return expected
end

local function must(arena, ...)
  local code, said = arena:command(...)
  if code ~= 0 then fail(arena, { ("%s: exit %s: %s"):format(table.concat({ ... }, " "), code, said) }, "command") end
end

-- A host that has just begun may be busy with what the one before it has left: it has no units yet.
local function wait_for_answer(arena)
  local function has_units() return (arena:status() or {})["top/inner"] end
  local answers = host.wait_until(function() return arena.process.over or has_units() end, PATIENCE)
  if arena.process.over then return false, "the host has ended: " .. arena.process:output() end
  return answers, "the host does not answer"
end

--- Asks for a state that is known, and gives it: path -> whether it is to be up.
local function settle(arena, is_usual)
  if is_usual then arena:set_variant(0) end
  local ok, message = wait_for_answer(arena)
  if not ok then return nil, message end
  arena:tell "sighup"
  -- One of them may wait for a leaf that was stopped.
  for _, path in ipairs(arenas.supervisors) do arena:command("start", "--timeout=5", path) end
  must(arena, "start", table.unpack(arenas.leaves))
  local expected = expect_all(arena)
  if is_usual or math.random() < 0.5 then return expected end
  local path = arenas.leaves[math.random(#arenas.leaves)]
  must(arena, "stop", path)
  expected[path] = false
  return expected
end

-- What it holds is only compared where the tree is the usual one, and all of it is up.
local function measure(arena)
  samples[#samples + 1] = { memory = proc.memory(arena.pid), fds = proc.fds(arena.pid) }
end

local function look(arena, number)
  local where, is_usual = "round " .. number, arena.is_steady and number % 2 == 0
  local duplicates = reality.duplicates(arena)
  if #duplicates > 0 then return fail(arena, duplicates, where) end
  local expected, message = settle(arena, is_usual)
  if not expected then return fail(arena, { message }, where) end
  local list
  host.wait_until(function()
    list = reality.check(arena, expected)
    return #list == 0 or #reality.duplicates(arena) > 0 -- which time does not heal
  end, PATIENCE)
  fail(arena, list, where)
  fail(arena, reality.logs(arena), where)
  if is_usual then measure(arena) end
end

local function calm(is_calm)
  for _, arena in ipairs(all) do
    arena:flag("calm", is_calm)
    if is_calm then
      for _, member in ipairs(arena:members()) do uv.kill(member.pid, "sigcont") end
    end
  end
end

local function round(number)
  calm(false)
  rage()
  if not trouble.over() then failures[#failures + 1] = "a command does not end" end
  calm(true)
  for _, arena in ipairs(all) do
    look(arena, number)
  end
end

-- ---- the end

local function median(key, first, last)
  local list = {}
  for i = first, last do list[#list + 1] = samples[i][key] end
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- The last third is compared with the first, where there are enough rounds for that to mean something.
local function check_growth()
  local third = #samples // 3
  if third < 3 then return end
  local memory, memory_then = median("memory", 1, third), median("memory", #samples - third + 1, #samples)
  local fds, fds_then = median("fds", 1, third), median("fds", #samples - third + 1, #samples)
  say("memory %d KiB, then %d KiB; descriptors %d, then %d", memory, memory_then, fds, fds_then)
  if memory_then > memory * 1.1 + 1024 then failures[#failures + 1] = "memory has grown" end
  if fds_then > fds + 2 then failures[#failures + 1] = "descriptors have become more" end
end

local function finish(arena)
  arena.process:signal "sigterm"
  local code = arena.process:wait(60)
  if code ~= 0 then fail(arena, { ("the host ended with %s: %s"):format(code, arena.process:output()) }, "end") end
  local left = {}
  for _, member in ipairs(arena:members()) do
    left[#left + 1] = ("pid %d (%s) has survived: %s"):format(member.pid, member.name, member.mark)
    uv.kill(member.pid, "sigkill")
  end
  fail(arena, left, "end")
  arena.process:signal "sigkill"
end

local function report()
  local list = {}
  for name, count in pairs(trouble.counts) do list[#list + 1] = name .. " " .. count end
  table.sort(list)
  say("%s; the mortal host was killed %d times", table.concat(list, ", "), all[2].kills)
end

local function main()
  math.randomseed(seed)
  say("chaos for %g s, seed %d, in %s, disk %s", seconds, seed, base, is_mounted and "of its own" or "shared")
  local began, number = uv.hrtime(), 0
  repeat
    number = number + 1
    round(number)
  until #failures > 0 or (uv.hrtime() - began) / 1e9 > seconds
  check_growth()
  for _, arena in ipairs(all) do finish(arena) end
  report()
  say("%d rounds, %d failures", number, #failures)
end

prepare()
local ok, message = xpcall(main, debug.traceback)
if not ok then failures[#failures + 1] = message say("%s", message) end
remove()
os.exit(#failures == 0 and 0 or 1)
