-- Worker begin: the way to a worker's first actor, where nothing on it can wait and nobody looks on.

local unit = require "luvisor.machine.unit"

---@param env table
---@return function begin see task.set_handlers; it returns nothing where the machine has to be asked
return function(env)
  local logs, watched, ready = env.logs, env.watched, unit.ready

  return function(instance, now)
    local self = instance._unit
    local way = self.spec.routine
    local first = way and way.first
    if not first or logs.info or watched.transition then return end
    local is_ready = first.ready
    self.state, self.past, self.is_ready = first.state, first.past, is_ready
    if is_ready then
      if self.special or watched.ready or not self.parent.is_ready or env.tree.waiting[1] then
        ready(self, self.generation)
      else -- nobody else has to know
        self.phase, self.ready_at = "running", now
      end
    end
    return first
  end
end
