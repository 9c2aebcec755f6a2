-- Verdict: what is done about the exit of a unit: its policy, its memory of earlier exits, the delay before its next
-- start; see unit.lua.

local lazy = require "luvisor.core.lazy"
local backoff = lazy "luvisor.core.backoff"
local restart = lazy "luvisor.core.restart"

local REMEMBERED = 32 -- exits a policy can look back on

local RETIRES = { worker = true, supervisor = true } -- a normal end is the end, unless the script says otherwise

local verdict = {}

local function remember(self, why, was_ready, now)
  local history = self.history
  if not history then
    history = { failed_starts = 0, restarts = 0, last_ready_for = 0 }
    self.history, self.special = history, true
  end
  local uptime = was_ready and now - self.ready_at or 0
  -- A program that was ready, but never passed a health check, has only seemed to start.
  local started = was_ready and not why.unproven
  history.failed_starts = started and 0 or history.failed_starts + 1
  if was_ready then history.last_ready_for = uptime end
  if #history == REMEMBERED then table.remove(history, 1) end
  history[#history + 1] = { exit = why, at = now, uptime = uptime, ready = started }
  return history
end

local function ask_policy(self, why, history, now)
  local ok, decision, delay = pcall(self.spec.restart, why, history, now)
  local message
  if ok then
    decision, message = restart.check(decision, delay)
    if decision then return decision, delay end
  else
    message = decision
  end
  self.env.log("error", self, "restart policy: %s; restarted as if it had no opinion", tostring(message))
  return "restart"
end

-- Runsmith's rule and OTP's meet here: a worker or supervisor that ended well is retired, and only a script that says
-- restart = "permanent" itself gets it back.
local function plain_decision(spec, why)
  local name, kind = spec.restart_name, why.kind
  if name == "temporary" then return "stop" end
  if kind ~= "normal" and kind ~= "shutdown" then return "restart" end
  if name == "transient" then return "stop" end
  if kind == "normal" and not spec.restart_given and RETIRES[spec.kind] then return "stop" end
  return "restart"
end

local function launch_error_decision(self, why, history)
  if why.passing then
    local pace = self.spec.backoff or backoff.fill {}
    history.failed_starts = math.max(0, history.failed_starts - 1) -- the machine's fault, not the unit's
    return "restart", pace.max < 1 and pace.max or math.max(pace.min, 1)
  end
  return "give_up"
end

local function paced_decision(self, why, was_ready, now)
  local spec = self.spec
  local history = remember(self, why, was_ready, now)
  history.restarts = self.restarts or 0
  if why.passing or why.permanent then return launch_error_decision(self, why, history) end
  local decision, delay
  if spec.restart_name and spec.kind ~= "program" then
    decision = plain_decision(spec, why)
  else
    decision, delay = ask_policy(self, why, history, now)
  end
  if decision == "restart" and spec.backoff and not delay then
    delay = backoff.delay(spec.backoff, backoff.failures(history, spec.backoff.reset_after), self.env.random)
  end
  return decision, delay
end

--- What the unit's policy makes of an exit: decision and delay; a restart without delay counts for the intensity.
---@param why luvisor.Exit
---@param was_ready boolean
---@param now number
---@return string decision
---@return number|nil delay
function verdict.judge(self, why, was_ready, now)
  local spec = self.spec
  if spec.restart_name and not spec.backoff then return plain_decision(spec, why) end
  return paced_decision(self, why, was_ready, now)
end

--- A health check has passed: the start has succeeded.
function verdict.proven(self)
  if self.history then self.history.failed_starts = 0 end
end

--- Forgets the failures so far: somebody wants a fresh start.
function verdict.reset(self)
  self.history = nil
end

local function start_again(self, generation)
  self.timer = nil
  if self.phase ~= "backoff" or self.generation ~= generation then return end
  self.parent:child_due(self)
end

--- Waits before the next start.
---@param delay number seconds
function verdict.pace(self, delay)
  self.phase, self.due = "backoff", self.env.now() + delay
  self.timer = self.env.after(delay, start_again, self, self.generation)
end

return verdict
