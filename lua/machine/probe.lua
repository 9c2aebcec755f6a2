-- Probe: one attempt to find out how a program does, with a time limit. env.probes.run(unit, options, probe, done)
-- makes it and returns a function that calls it off; done(ok, message) may come late, or twice: only the first word
-- counts, and none after the limit or a cancel.

local units = require "luvisor.core.units"

local probe = {}

local function finish(attempt, ok, message)
  if attempt.over then return end
  attempt.over = true
  attempt.env.cancel(attempt.limit)
  local text = not ok and ("%s: %s"):format(attempt.probe.text, tostring(message)) or nil
  attempt.tell(ok, text)
end

local function on_limit(attempt)
  if attempt.over then return end
  if attempt.call_off then attempt.call_off() end
  finish(attempt, false, "no answer within " .. units.text(attempt.timeout))
end

--- Begins an attempt; tell(ok, message) is called once, unless it is cancelled.
---@param self table the unit
---@param run table its generation
---@param what { probe: table, timeout: number }
---@param tell fun(ok: boolean, message: string|nil)
---@return table|nil attempt nil when it is over already
function probe.begin(self, run, what, tell)
  local attempt = { env = self.env, probe = what.probe, timeout = what.timeout, tell = tell, over = false }
  attempt.limit = self.env.deadline(what.timeout, on_limit, attempt)
  local function options() return self:beside(run) end
  attempt.call_off = self.env.probes.run(self, options, what.probe, function(ok, message)
    finish(attempt, ok, message)
  end)
  return not attempt.over and attempt or nil
end

--- Calls an attempt off; nil and one that is over are fine.
---@param attempt table|nil
function probe.cancel(attempt)
  if not attempt or attempt.over then return end
  attempt.over = true
  attempt.env.cancel(attempt.limit)
  if attempt.call_off then attempt.call_off() end
end

return probe
