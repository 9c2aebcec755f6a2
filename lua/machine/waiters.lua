-- Waiters: those who wait for what becomes of a unit; each is told once.

local waiters = {}

--- Calls fn(what, why) once, with the unit's next "ready", "ended" or "stopped".
function waiters.wait(self, fn)
  self.waiters, self.special = self.waiters or {}, true
  self.waiters[#self.waiters + 1] = fn
end

--- Tells those who wait; only where self.waiters is set.
function waiters.tell(self, what, why)
  local list = self.waiters
  self.waiters = nil
  for _, fn in ipairs(list) do fn(what, why) end
end

--- The unit is down, or will be, because it was asked to end or goes with its group: who waits for its start does so in
--- vain, and its next one is like any other.
function waiters.dismiss(self)
  self.dynamic = nil
  if self.waiters then waiters.tell(self, "stopped") end
end

return waiters
