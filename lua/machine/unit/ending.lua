-- Ending: how a unit is asked to end, and what is done when it has; see unit.lua.

local lazy = require "luvisor.core.lazy"
local chronicle = lazy "luvisor.machine.chronicle"
local ends = require "luvisor.machine.supervisor.ends"
local exit = require "luvisor.core.exit"
local together = lazy "luvisor.machine.worker.together"
local unit = require "luvisor.machine.unit"
local waiters = require "luvisor.machine.waiters"

local ending = { wait = waiters.wait, tell = waiters.tell, dismiss = waiters.dismiss }

local ALIVE = unit.alive

local function failed_launch(self, generation, message)
  self:exited(generation, exit.new { kind = "error", message = message })
end

--- The generation that starts has none: its end is told later, as that of any other.
function ending.fail_launch(self, message)
  self.env.post(failed_launch, self, self.generation, tostring(message))
end

--- One that is down comes to another phase, of which no event tells those who see it from elsewhere.
function ending.put(self, phase)
  self.phase = phase
  local mirrored = self.env.mirrored
  if mirrored then mirrored(self) end
end

--- Asks the unit to end; true when there is nothing to wait for.
---@param cause? string who asks, and why
---@param by? string path of the unit for whose sake
---@param group? table with which it is asked, of chronicle.group
function ending.ask_to_stop(self, cause, by, group)
  if not ALIVE[self.phase] then
    unit.cancel_timer(self)
    if self.phase ~= "done" and self.phase ~= "fatal" and self.phase ~= "stopped" then
      if self.generation > 0 then chronicle.note(self, "asked", cause, by) end
      ending.put(self, "stopped")
    end
    if self.special then ending.dismiss(self) end
    return true
  end
  if self.phase == "stopping" then return false end
  self.phase = "stopping"
  if not group then chronicle.note(self, "asked", cause, by) end
  if self.env.watched.stop then self.env.emit("stop", self, { generation = self.generation, cause = cause }) end
  if group then together.stop(self, group) else self:stop() end
  return not ALIVE[self.phase]
end

--- Ends the unit by force; true when there is nothing to wait for.
function ending.ask_to_kill(self, cause, by)
  if not ALIVE[self.phase] then return ending.ask_to_stop(self, cause, by) end
  if self.phase ~= "stopping" then chronicle.note(self, "asked", cause, by) end
  self.phase = "stopping"
  self:kill()
  return false
end

--- Everything of the generation is gone.
---@param why luvisor.Exit
function ending.exited(self, generation, why)
  local env, phase = self.env, self.phase
  if generation ~= self.generation or not ALIVE[phase] then return unit.drop(env) end
  self.last_exit = why
  if self.timer then unit.cancel_timer(self) end
  local told = env.ends
  if told and told[self] then ends.tell(told, self, why) end
  if env.watched.exit then env.emit("exit", self, { generation = generation, exit = why }) end
  if phase ~= "stopping" then
    self.phase = "done"
    return self.parent:child_ended(self, why, phase == "running")
  end
  self.phase, self.ready_at = "stopped", nil
  if not together.notes(self) then chronicle.note(self, "stopped", why) end
  if env.logs.info and not self.mirrored then env.log("info", self, "stopped: %s", tostring(why)) end
  self.parent:child_stopped(self, why)
end

--- An exit value for a stop that was asked for.
function ending.shutdown_exit()
  return exit.new { kind = "shutdown" }
end

return ending
