-- Finish: how a guest ends.

local exit = require "luvisor.core.exit"
local runtime = require "host.runtime"
local system = require "host.system"

local finish = {}

local FLUSH = 1        -- seconds for what was said last
local ORPHAN_GRACE = 5 -- seconds to end in when the host is gone
local FAILED = 1

local function leave(self)
  local groups = self.world and rawget(self.world, "cgroups")
  if groups then groups.close() end
  system.quit(0)
end

local function leave_when_said(self, left)
  if self.parent:pending() == 0 or left <= 0 then return leave(self) end
  runtime.after(0.01, leave_when_said, self, left - 0.01)
end

local function say(self)
  if not self.said then self.parent:send({ "exited", exit.pack(self.over) }, true) end
  self.said = true
  leave_when_said(self, FLUSH)
end

--- The unit has ended; the host is told, and the guest goes.
---@param self luvisor.GuestState
---@param why table fields of an exit
function finish.finish(self, why)
  if self.over then return end
  self.over = why
  if self.flush then self.flush(self) end
  say(self)
end

--- A fault in the machinery. Out of memory, nothing can be relied on any more: the unit ends. One on the way out, which
--- may just be the want of memory that the unit has ended of, is not to keep the guest here.
---@param self luvisor.GuestState
---@param text string
function finish.fault(self, text)
  if self.over then return say(self) end
  if text:find("not enough memory", 1, true) then return finish.finish(self, { kind = "memory", message = text }) end
  self.parent:send { "log", "error", "luvisor", text }
end

--- The host is gone.
---@param self luvisor.GuestState
function finish.orphaned(self)
  if self.over or not self.world then return leave(self) end
  require("luvisor.edge.guest.frames").kill(self)
  runtime.after(ORPHAN_GRACE, leave, self)
end

--- There is no wire.
---@param message any
---@return integer code
function finish.failed(message)
  system.put(2, "luvisor: guest: " .. tostring(message) .. "\n")
  return FAILED
end

return finish
