-- Usage: what a process takes of the machine, from /proc.

local uv = require "luv"

local usage = {}

local TICKS = 100 -- of a second; USER_HZ, the same on every Linux that luvisor knows
local PAGE = 4096
local UTIME, STIME, RSS = 12, 13, 22 -- fields of stat, counted from the one after the name

local function read(pid)
  local fd = uv.fs_open(("/proc/%d/stat"):format(pid), "r", 0)
  if not fd then return nil end
  local text = uv.fs_read(fd, 1024, 0)
  uv.fs_close(fd)
  return text
end

--- Resident memory in bytes, and CPU time so far in seconds, of a process; nothing when it is gone.
---@param pid integer
---@return integer|nil memory
---@return number|nil cpu
function usage.of(pid)
  local text = read(pid)
  local rest = text and text:match "^.*%) (.*)$" -- the name may hold anything, ")" too
  if not rest then return nil end
  local fields = {}
  for field in rest:gmatch "%S+" do fields[#fields + 1] = field end
  return math.tointeger(tonumber(fields[RSS])) * PAGE, (tonumber(fields[UTIME]) + tonumber(fields[STIME])) / TICKS
end

return usage
