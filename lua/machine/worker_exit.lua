-- Worker exits: why a worker's generation has ended, for the ends that the worker itself does not word.

local exit = require "luvisor.core.exit"

local worker_exit = {}

--- The machine has come to a terminal state.
function worker_exit.outcome(self)
  if self.failure then return self.failure end
  local state = self.state
  if state.outcome == "error" then
    return exit.new { kind = "error", message = "ended in state " .. state.name, state = state.name }
  end
  return exit.new { kind = self.stopping and "shutdown" or "normal" }
end

--- A deadline was missed; `which` names it.
function worker_exit.late(self, which)
  local state = self.state
  local seconds, where = nil, state and state.name
  if which == "heartbeat" then seconds = state.heartbeat
  elseif which == "state" then seconds = state.timeout
  elseif which == "start" then seconds = self.spec.start_timeout
  elseif which == "transition" then where = self.crossing end
  return exit.new { kind = "timeout", deadline = which, seconds = seconds, state = where }
end

--- It did not stop in time, or was not given any.
function worker_exit.killed(self)
  local text = type(self.spec.shutdown) == "number" and ("did not stop within %g s"):format(self.spec.shutdown)
  return exit.new { kind = "killed", message = text or nil }
end

return worker_exit
