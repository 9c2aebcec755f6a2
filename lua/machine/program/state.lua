-- Program state: the passages of a program from one state to another, as its chronicle, the log and the onlookers have
-- them.

local chronicle = require "luvisor.machine.chronicle"

local program_state = {}

local function note(self, from, state, why)
  chronicle.note(self, "state", from, state, why)
end

local function pass(self, run, state, why, note_it)
  local before, env = run.state, self.env
  if before == state then return end
  local from = before or "STOPPED"
  run.state = state
  note_it(self, from, state, why)
  if env.logs.info then env.log("info", self, "%s -> %s (%s)", from, state, why) end
  if env.watched.transition then
    env.emit("transition", self, { event = why, from = from, to = state, generation = run.generation })
  end
end

--- Goes to another state.
---@param self table
---@param run table
---@param state string
---@param why string
function program_state.set(self, run, state, why)
  pass(self, run, state, why, note)
end

--- Goes to STOPPING, as it was just asked to.
---@param self table
---@param run table
function program_state.stop(self, run)
  pass(self, run, "STOPPING", "stop", chronicle.stops)
end

return program_state
