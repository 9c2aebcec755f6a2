-- SPDX-License-Identifier: Apache-2.0
-- The processes of this machine, as /proc shows them.

local uv = require "luv"

local proc = {}

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

--- Every pid there is.
---@return integer[]
function proc.pids()
  local list, scan = {}, uv.fs_scandir "/proc"
  for name in uv.fs_scandir_next, scan do
    local pid = math.tointeger(tonumber(name))
    if pid then list[#list + 1] = pid end
  end
  return list
end

--- State letter, parent and name of a process; nil when it is gone.
---@return string|nil state
---@return integer|nil parent
---@return string|nil name
function proc.stat(pid)
  local text = read(("/proc/%d/stat"):format(pid))
  if not text then return nil end
  local name, state, parent = text:match "%((.*)%) (%a) (%d+)"
  return state, math.tointeger(tonumber(parent)), name
end

--- A variable that a process was started with; nil without it, or when it is dead.
---@return string|nil
function proc.variable(pid, name)
  local text = read(("/proc/%d/environ"):format(pid))
  return text and ("\0" .. text):match("%z" .. name .. "=([^%z]*)")
end

--- Resident memory of its own, in KiB: without the pages of files.
---@return integer|nil
function proc.memory(pid)
  local text = read(("/proc/%d/status"):format(pid))
  return text and math.tointeger(tonumber(text:match "RssAnon:%s*(%d+)"))
end

--- Its share of what is resident, in KiB: what several have in common is divided among them.
---@return integer|nil
function proc.share(pid)
  local text = read(("/proc/%d/smaps_rollup"):format(pid))
  return text and math.tointeger(tonumber(text:match "\nPss:%s*(%d+)"))
end

--- Ticks of CPU that it has used, and how often it went to sleep by itself, all threads together.
---@return integer|nil ticks
---@return integer|nil sleeps
function proc.work(pid)
  local text = read(("/proc/%d/stat"):format(pid))
  if not text then return nil end
  local user, system = text:match "%) %a [%d-]+ [%d-]+ [%d-]+ [%d-]+ [%d-]+ %d+ %d+ %d+ %d+ %d+ (%d+) (%d+)"
  local sleeps, scan = 0, uv.fs_scandir(("/proc/%d/task"):format(pid))
  while scan do
    local thread = uv.fs_scandir_next(scan)
    if not thread then break end
    local status = read(("/proc/%d/task/%s/status"):format(pid, thread)) or ""
    sleeps = sleeps + (tonumber(status:match "\nvoluntary_ctxt_switches:%s*(%d+)") or 0)
  end
  return math.tointeger(tonumber(user)) + math.tointeger(tonumber(system)), math.tointeger(sleeps)
end

--- Whether it has a handler of its own for a signal.
---@param number integer
---@return boolean
function proc.catches(pid, number)
  local mask = (read(("/proc/%d/status"):format(pid)) or ""):match "SigCgt:%s*(%x+)"
  return mask ~= nil and tonumber(mask, 16) & (1 << (number - 1)) ~= 0
end

--- How many descriptors it has open.
---@return integer
function proc.fds(pid)
  local scan, count = uv.fs_scandir(("/proc/%d/fd"):format(pid)), 0
  while scan and uv.fs_scandir_next(scan) do count = count + 1 end
  return count
end

--- The living processes that were started with NAME=VALUE in their environment.
---@return { pid: integer, name: string, mark: string|nil, state: string }[]
function proc.with(name, value)
  local list = {}
  for _, pid in ipairs(proc.pids()) do
    if proc.variable(pid, name) == value then
      local state, parent, command = proc.stat(pid)
      if state and state ~= "Z" and state ~= "X" then
        list[#list + 1] = { pid = pid, parent = parent, name = command, state = state,
          mark = proc.variable(pid, "LUVISOR_UNIT") }
      end
    end
  end
  return list
end

--- The dead children of these that nobody has collected.
---@param parents table<integer, true>
---@return integer[]
function proc.zombies(parents)
  local list = {}
  for _, pid in ipairs(proc.pids()) do
    local state, parent = proc.stat(pid)
    if state == "Z" and parents[parent] then list[#list + 1] = pid end
  end
  return list
end

return proc
