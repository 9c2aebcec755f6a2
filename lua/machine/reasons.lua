-- Reasons: why a unit is in its state, in a few words.

local lazy = require "luvisor.core.lazy"
local chronicle = require "luvisor.machine.chronicle"
local units = lazy "luvisor.core.units"

local reasons = {}

local because = {}

local function asked(self)
  local entry = chronicle.last(self, "asked")
  return entry and entry[1] or nil
end

function because.fatal(self)
  return tostring(self.last_exit)
end

function because.backoff(self)
  local text = tostring(self.last_exit)
  if not self.due then return text end
  return ("%s, starts again in %s"):format(text, units.text(math.max(0, self.due - self.env.now())))
end

function because.restarting(self)
  return ("%s, starts again with its siblings"):format(tostring(self.last_exit))
end

function because.waiting(self)
  return "waits for " .. self.env.tree:missing(self)
end

function because.done(self)
  return self.last_exit and tostring(self.last_exit)
end

function because.stopped(self)
  return asked(self) or self.last_exit and tostring(self.last_exit)
end

function because.idle(self)
  if self.spec.schedule then return "not due yet: " .. self.spec.schedule.text end
  return self.spec.autostart == false and "not started yet: autostart = false" or nil
end

function because.running(self)
  local run = self.run
  return run and (run.health and run.state == "UNHEALTHY" and run.health.last or run.status) or nil
end

-- The first child that a supervisor waits for before it is ready itself.
local function first_late(self)
  local first
  for child in pairs(self.lagging or {}) do
    if not first or child.at < first.at then first = child end
  end
  return first
end

function because.starting(self)
  local run, late = self.run, first_late(self)
  if late then return ("%s is not ready: %s"):format(late.name, reasons.of(late) or late.phase) end
  return run and (run.not_ready or run.status) or self.last_exit and "after " .. tostring(self.last_exit) or nil
end

function because.stopping(self)
  return asked(self)
end

--- Why the unit is in its state, in a few words; nil where there is nothing to say.
---@return string|nil
function reasons.of(self)
  if self.home then return self.reason end -- a stub for a unit of another runtime, which says it
  return because[self.phase](self)
end

return reasons
