-- Usage: what programs take of the machine, each with all that is in its session, from one walk over /proc for all of
-- them, in small portions: nothing is read any more when it is asked about one.

local system = require "host.system"
local uv = require "luv"

local usage = {}

local TICKS = 100 -- of a second; USER_HZ, the same on every Linux that luvisor knows
local PAGE = 4096
local PORTION = 25                     -- processes in one go
local SESSION, UTIME, STIME = 4, 12, 13 -- fields of stat, counted from the one after the name

local function read(pid, name)
  local fd = uv.fs_open(("/proc/%d/%s"):format(pid, name), "r", 0)
  if not fd then return nil end
  local text = uv.fs_read(fd, 1024, 0)
  uv.fs_close(fd)
  return text
end

local function share()
  return { own = 0, shared = 0, cpu = 0 }
end

-- Memory: what each has for itself, and the largest part that one of them shares: the others probably share the same.
local function add_to(sum, cpu, resident, shared)
  sum.own, sum.shared, sum.cpu = sum.own + resident - shared, math.max(sum.shared, shared), sum.cpu + cpu
end

local function fields_of(text)
  local fields = {}
  for field in text:gmatch "%S+" do fields[#fields + 1] = field end
  return fields
end

local function add(self, pid)
  local text = read(pid, "stat")
  local rest = text and text:match "^.*%) (.*)$" -- the name may hold anything, ")" too
  if not rest then return end
  local fields = fields_of(rest)
  local sid = math.tointeger(tonumber(fields[SESSION]))
  local cpu = (tonumber(fields[UTIME]) + tonumber(fields[STIME])) / TICKS
  local resident, shared = (read(pid, "statm") or ""):match "^%d+ (%d+) (%d+)"
  local alone = share()
  add_to(alone, cpu, tonumber(resident or 0), tonumber(shared or 0))
  self.sessions[sid] = self.sessions[sid] or share()
  add_to(self.sessions[sid], cpu, alone.own + alone.shared, alone.shared)
  self.processes[pid], self.session_of[pid] = alone, sid
end

-- Memory in bytes, and CPU time so far in seconds, of a process and its session; of a process in the session of the
-- host, alone. Nothing when it is gone.
local function of(self, pid)
  local sid = self.session_of[pid]
  if not sid then return nil end
  local sum = sid ~= self.session_of[system.pid()] and self.sessions[sid] or self.processes[pid]
  return math.tointeger(sum.own + sum.shared) * PAGE, sum.cpu
end

local function add_some(self, scan, later, done)
  for _ = 1, PORTION do
    local name = scan and uv.fs_scandir_next(scan)
    if not name then return done(function(pid) return of(self, pid) end) end
    local pid = math.tointeger(tonumber(name))
    if pid then add(self, pid) end
  end
  later(0, function() add_some(self, scan, later, done) end)
end

--- Looks at all processes, then calls done(of): of(pid) returns memory and CPU time.
---@param later fun(seconds: number, fn: function)
---@param done fun(of: fun(pid: integer): integer?, number?)
function usage.survey(later, done)
  add_some({ sessions = {}, session_of = {}, processes = {} }, (uv.fs_scandir "/proc"), later, done)
end

return usage
