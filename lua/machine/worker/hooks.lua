-- Hooks: what a worker's definition wants done while the worker goes from one state to another.

local HOOKS_GRACE = 1  -- seconds for the hooks of an error where the machine gives them no limit

local hooks = {}

local function call(list, instance, failure, event)
  for _, hook in ipairs(list or {}) do
    if not hook.event or hook.event == event then hook.fn(instance, failure, event) end
  end
end

--- Runs those of a transition, whose deadline covers them and the switch.
---@param self table the unit
---@param instance table
---@param event string
---@param target luvisor.State
function hooks.run(self, instance, event, target)
  local state = self.state
  local all = self.spec.definition.hooks
  local leaving, entering = all.leave[state.name], all.enter[target.name]
  if not leaving and not entering then return end
  local seconds = state.transition_timeouts[event]
  if self.failure then seconds = seconds or HOOKS_GRACE end
  if seconds then
    self.crossing = state.name .. " -> " .. target.name
    self.env.task.limit(self.task, "transition", seconds)
  end
  call(leaving, instance, self.failure, event)
  call(entering, instance, self.failure, event)
end

return hooks
