-- Passage: where an event leads a worker that has no hooks, through all states without an actor to the one in which it
-- comes to rest or ends. Worked out once, so that the way through a machine costs one step when nobody looks on.

local passage = {}

---@class luvisor.Passage
---@field state luvisor.State  where it ends
---@field past string          what the worker remembers of it
---@field ready boolean        whether the worker became ready on the way
---@field actor? table         of that state

-- nil when it goes round and round: then the scheduler has to see each step
local function walk(machine, actors, state, codes, ready)
  for _ = 1, #machine.order do
    local actor = actors[state.name]
    if state.outcome or actor then return { state = state, past = codes, ready = ready, actor = actor } end
    local event = state.only
    state = state.edges[event]
    codes = codes .. machine.code(event, state)
    ready = ready or state.ready
  end
end

local function work_out(actors, machine)
  local initial = machine.initial
  local all = { initial = walk(machine, actors, initial, "", initial.ready) }
  for _, state in ipairs(machine.order) do
    all[state] = {}
    for event, target in pairs(state.edges) do
      all[state][event] = walk(machine, actors, target, machine.code(event, target), target.ready)
    end
  end
  return all
end

local known = setmetatable({}, { __mode = "k" }) -- by actors and machine: those of a thousand workers are the same

local function count(actors)
  local number = 0
  for _ in pairs(actors) do number = number + 1 end
  return number
end

--- The passages of a definition through a machine, by state and event; `initial` is the one from the beginning.
--- Nil for a definition with hooks.
---@param definition luvisor.Definition
---@param machine luvisor.Machine
---@return table|nil
function passage.all(definition, machine)
  if definition.hooks then return nil end
  local actors = definition.actors
  local by_machine = known[actors]
  if not by_machine or by_machine.actors ~= count(actors) then -- actors are added, and never replaced
    by_machine = { actors = count(actors) }
    known[actors] = by_machine
  end
  by_machine[machine] = by_machine[machine] or work_out(actors, machine)
  return by_machine[machine]
end

--- Takes a worker through in one step; nil when it has to be taken from state to state.
---@param self table the worker's unit
---@param event? string nil at the beginning
---@return luvisor.State|nil state
function passage.take(self, event)
  local passages, state = self.spec.passages, self.state
  local found
  if state then found = passages[state][event] else found = passages.initial end
  if not found then return nil end
  state = found.state
  self.state = state
  self.past = self.spec.machine.append(self.past, found.past)
  if found.ready then self.is_ready = true end
  return state
end

return passage
