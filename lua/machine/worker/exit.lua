-- Worker exit: the exit values of workers.

local exit = require "luvisor.core.exit"

local worker_exit = {}

--- Of a worker whose machine has ended.
---@param self table the unit
---@return luvisor.Exit
function worker_exit.outcome(self)
  if self.failure then return self.failure end
  local state = self.state
  if state.outcome == "error" then
    return exit.new { kind = "error", message = "ended in state " .. state.name, state = state.name }
  end
  return self.stopping and exit.shutdown or exit.new { kind = "normal" }
end

--- Of one that has missed a deadline, or ("stall") has kept its runtime from everybody else.
---@param self table the unit
---@param which string
---@return luvisor.Exit
function worker_exit.late(self, which)
  local state = self.state
  local seconds, where = nil, state and state.name
  if which == "heartbeat" then seconds = state.heartbeat
  elseif which == "state" then seconds = state.timeout
  elseif which == "start" then seconds = self.spec.start_timeout
  elseif which == "transition" then where = self.crossing end
  return exit.new { kind = "timeout", deadline = which, seconds = seconds, state = where }
end

--- Of one that would not stop.
---@param self table the unit
---@return luvisor.Exit
function worker_exit.killed(self)
  local text = type(self.spec.shutdown) == "number" and ("did not stop within %g s"):format(self.spec.shutdown)
  return exit.new { kind = "killed", message = text or nil }
end

return worker_exit
