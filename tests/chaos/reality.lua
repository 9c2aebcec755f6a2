-- SPDX-License-Identifier: Apache-2.0
-- What has to be true of an arena once it is left in peace: what its host says of it is what there is, and nothing
-- else is there. Each check gives a list of complaints.

local host = require "host"
local proc = require "proc"

local reality = {}

local function add(list, fmt, ...)
  list[#list + 1] = fmt:format(...)
end

--- Complaints of programs that met another one in their place.
---@return string[]
function reality.duplicates(arena)
  local list = {}
  for line in (host.read(arena.dir .. "/violations") or ""):gmatch "[^\n]+" do add(list, "%s", line) end
  return list
end

local function check_program(list, arena, unit)
  if not unit.pid or not proc.stat(unit.pid) then return add(list, "%s: no process %s", unit.path, unit.pid) end
  local mark = proc.variable(unit.pid, "LUVISOR_UNIT") or "none"
  local expected = ("%s/%d@"):format(unit.path, unit.generation)
  if mark:sub(1, #expected) ~= expected then add(list, "%s: the mark of pid %d is %s", unit.path, unit.pid, mark) end
  local holder = (host.read(("%s/%s.lock"):format(arena.dir, unit.name)) or ""):match "%d+"
  if tonumber(holder) ~= unit.pid then
    add(list, "%s: pid %d, but the one that holds its lock is %s", unit.path, unit.pid, holder)
  end
end

-- Whoever lives belongs to the generation of a unit that is up.
local function check_members(list, arena, units)
  for _, member in ipairs(arena:members()) do
    local path, generation = (member.mark or ""):match "^(.*)/(%d+)@"
    local unit = units[path]
    if not unit then
      add(list, "pid %d (%s) is nobody's: %s", member.pid, member.name, member.mark)
    elseif not unit.running or unit.generation ~= tonumber(generation) then
      add(list, "pid %d (%s, %s) is left over: %s is %s, generation %d", member.pid, member.name, member.mark,
        unit.path, unit.state, unit.generation)
    end
  end
end

local function check_zombies(list, arena)
  local parents = { [arena.pid] = true }
  for _, member in ipairs(arena:members()) do parents[member.pid] = true end
  for _, pid in ipairs(proc.zombies(parents)) do
    local _, parent, name = proc.stat(pid)
    add(list, "pid %d (%s) is a zombie of %s", pid, name, parent)
  end
end

local function check_expectation(list, unit, path, is_up)
  if not unit then return add(list, "%s: not in the tree", path) end
  local state = unit.state
  if is_up and not (state == "RUNNING" or state == "running") then add(list, "%s: %s (%s)", path, state, unit.why) end
  if not is_up and state ~= "STOPPED" then add(list, "%s: %s, and was stopped", path, state) end
end

--- Everything at once.
---@param expected table<string, boolean> whether each unit is to be up
---@return string[]
function reality.check(arena, expected)
  local units, message = arena:status()
  if not units then return { message } end
  local list = reality.duplicates(arena)
  for path, is_up in pairs(expected) do check_expectation(list, units[path], path, is_up) end
  for path, unit in pairs(units) do
    if expected[path] == nil then add(list, "%s: not expected in the tree", path) end
    if unit.kind == "program" and unit.running then check_program(list, arena, unit) end
  end
  check_members(list, arena, units)
  check_zombies(list, arena)
  return list
end

local function check_lines(list, path, text, is_current)
  local name = path:match "([%a]+)%.log"
  local number = 0
  for line in text:gmatch "[^\n]*\n" do
    number = number + 1
    if not line:find("^" .. name .. " %d+ %d+ x+\n$") and not line:find "lost" then
      add(list, "%s:%d: a torn line: %q", path, number, line:sub(1, 80))
    end
  end
  if not is_current and text:find "[^\n]$" then add(list, "%s: ends within a line", path) end
end

--- The logs of its programs: whole lines, bounded, no more files than are to be kept. A host that is killed in the
--- midst of a write can take back nothing: one line for each time may be torn.
---@return string[]
function reality.logs(arena)
  local list, torn = {}, {}
  for _, name in ipairs { "talking.log", "shouting.log" } do
    for number = 0, 9 do
      local path = arena.logs .. "/" .. name .. (number > 0 and "." .. number or "")
      local text = host.read(path)
      if text and number > 2 then add(list, "%s: only 2 are to be kept", path) end
      if text then check_lines(torn, path, text, number == 0) end
      if text and #text > 20000 then add(list, "%s: %d bytes, more than it may have", path, #text) end
    end
  end
  if #torn > arena.kills then table.move(torn, 1, #torn, #list + 1, list) end
  return list
end

return reality
