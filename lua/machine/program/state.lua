-- Program state: the passages of a program from one state to another, as its chronicle, the log and the onlookers have
-- them.

local chronicle = require "luvisor.machine.chronicle"

local program_state = {}

local function tell(self, run, from, state, why)
  local env = self.env
  if env.logs.info then env.log("info", self, "%s -> %s (%s)", from or "STOPPED", state, why) end
  if env.watched.transition then
    env.emit("transition", self, { event = why, from = from or "STOPPED", to = state, generation = run.generation })
  end
end

--- Goes to another state.
---@param self table
---@param run table
---@param state string
---@param why string
function program_state.set(self, run, state, why)
  local from = run.state
  run.state = state
  if from == state then return end
  chronicle.note(self, "state", from or "STOPPED", state, why)
  tell(self, run, from, state, why)
end

--- Goes to STOPPING, as it was just asked to.
function program_state.stop(self, run)
  local from = run.state
  run.state = "STOPPING"
  if from == "STOPPING" then return end
  chronicle.stops(self, from or "STOPPED")
  tell(self, run, from, "STOPPING", "stop")
end

return program_state
