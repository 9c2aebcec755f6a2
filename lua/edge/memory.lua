-- Memory: what a number of processes hold together, from /proc: the memory that each has for itself, and the largest
-- part that one of them shares, since the others probably share the same.

local runtime = require "host.runtime"

local memory = {}

local PORTION = 20 -- processes in one go

local function kilobytes(status, name)
  return math.tointeger(tonumber(status:match("\n" .. name .. ":%s*(%d+) kB"))) or 0
end

local function of_process(pid)
  local file = io.open(("/proc/%d/status"):format(pid), "rb")
  if not file then return 0, 0 end
  local status = file:read("a") or ""
  file:close()
  return kilobytes(status, "RssAnon"), kilobytes(status, "RssFile") + kilobytes(status, "RssShmem")
end

local function add_some(self, done)
  for _ = 1, PORTION do
    self.at = self.at + 1
    local pid = self.pids[self.at]
    if not pid then return done((self.own + self.shared) * 1024) end
    local own, shared = of_process(pid)
    self.own, self.shared = self.own + own, math.max(self.shared, shared)
  end
  runtime.after(0, add_some, self, done)
end

--- Adds up the bytes that the processes hold, a portion at a time, then calls done(bytes); one that is gone holds none.
---@param pids integer[]
---@param done fun(bytes: integer)
function memory.of(pids, done)
  add_some({ pids = pids, at = 0, own = 0, shared = 0 }, done)
end

return memory
