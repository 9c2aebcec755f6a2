-- Fitness: whether a worker's definition fits the machine that it is to run on.

local lazy = require "luvisor.core.lazy"
local handlers = lazy "luvisor.core.handlers"
local suggest = lazy "luvisor.core.suggest"

local fitness = {}

local function check_states(definition, machine, problems)
  local function check(what, name)
    if machine.states[name] then return end
    local names = {}
    for known in pairs(machine.states) do names[#names + 1] = known end
    problems[#problems + 1] = ('%s of unknown state "%s"%s'):format(what, name, suggest.hint(name, names))
  end
  for state in pairs(definition.actors) do check("actor", state) end
  for kind, hooks in pairs(definition.hooks or {}) do
    for state in pairs(hooks) do check(kind .. " hook", state) end
  end
  for kind, list in pairs { call = definition.calls, cast = definition.casts } do
    handlers.each_state(list, function(name, state)
      if not machine.states[state] then check(('%s "%s"'):format(kind, name), state) end
    end)
  end
end

local function check_hook_events(definition, machine, problems)
  local events, known = {}, { error = true }
  for _, state in ipairs(machine.order) do
    for _, event in ipairs(state.events) do known[event] = true end
  end
  for event in pairs(known) do events[#events + 1] = event end
  for kind, hooks in pairs(definition.hooks) do
    for state, list in pairs(hooks) do
      for _, hook in ipairs(list) do
        if hook.event and not known[hook.event] then
          problems[#problems + 1] = ('%s hook of state "%s" for unknown event "%s"%s'):format(kind, state, hook.event,
            suggest.hint(hook.event, events))
        end
      end
    end
  end
end

local function serve_only(self)
  return self.stopping and "complete" or "keepalive"
end

-- A worker with handlers needs no actor in the state in which it is ready, nor in one with several events: it serves
-- there until it is stopped.
local function serves(definition, state)
  if state.only and not state.ready then return false end
  if not (definition.calls or definition.casts or definition.on_info) or not state.edges.complete then return false end
  definition.actors[state.name] = { fn = serve_only, every = math.huge, serves = true }
  return true
end

local function check_rests(definition, machine, problems)
  for _, state in ipairs(machine.order) do
    local served = not state.outcome and not definition.actors[state.name] and serves(definition, state)
    local actor = definition.actors[state.name]
    if state.outcome and actor then
      problems[#problems + 1] = ('actor of terminal state "%s"'):format(state.name)
    elseif actor and actor.every and state.heartbeat and actor.every >= state.heartbeat and not actor.serves then
      problems[#problems + 1] = ('actor "%s": every %g s cannot keep the heartbeat of %g s'):format(state.name,
        actor.every, state.heartbeat)
    elseif not state.outcome and not actor and not state.only and not served then
      problems[#problems + 1] = ('no actor for state "%s", which has %d events'):format(state.name, #state.events)
    end
  end
end

--- Checks a definition against its machine: every name known, every state with several events has an actor.
---@param machine luvisor.Machine
---@return boolean|nil ok
---@return string? message
---@return string? code
function fitness.check(definition, machine)
  local problems = {}
  check_states(definition, machine, problems)
  if definition.hooks then check_hook_events(definition, machine, problems) end
  check_rests(definition, machine, problems)
  if #problems == 0 then return true end
  table.sort(problems)
  return nil, problems[1], "EINVAL"
end

return fitness
