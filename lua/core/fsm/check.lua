-- Whether a machine in plain form (fsm/parse.lua) makes sense as a whole; puts its states in order.

local lazy = require "luvisor.core.lazy"
local parse = require "luvisor.core.fsm.parse"
local problem = require "luvisor.core.problem"
local suggest = lazy "luvisor.core.suggest"

local raise = problem.raise

local check = {}

local function each_edge(plan, visit)
  for _, name in ipairs(plan.names) do
    local edges = plan.states[name].edges
    for _, event in ipairs(parse.sorted_keys(edges)) do visit(name, event, edges[event]) end
  end
end

local function check_targets(plan)
  each_edge(plan, function(from, event, to)
    if not plan.states[to] then
      raise('state "%s": event "%s": unknown target state "%s"%s', from, event, to, suggest.hint(to, plan.names))
    end
  end)
end

local function check_terminals(plan)
  for _, name in ipairs(plan.names) do
    if plan.states[name].outcome then return end
  end
  raise("No terminal states found, one must be fsm.OK or fsm.ERROR")
end

local function roots(plan)
  local has_incoming, found = {}, {}
  each_edge(plan, function(_, _, to) has_incoming[to] = true end)
  for _, name in ipairs(plan.names) do
    if not has_incoming[name] and not plan.states[name].outcome then found[#found + 1] = name end
  end
  return found
end

local function check_initial(plan)
  local initial = plan.initial
  if initial and not plan.states[initial] then
    raise('unknown initial state "%s"%s', initial, suggest.hint(initial, plan.names))
  end
  if initial and plan.states[initial].outcome then raise('initial state "%s" is terminal', initial) end
  each_edge(plan, function(from, event, to)
    if to == initial then
      raise('initial state "%s" is the target of event "%s" of state "%s", and may never be one', to, event, from)
    end
  end)
  local found = roots(plan)
  if #found ~= 1 then
    raise("Expected exactly one initial state, got %d%s", #found,
      #found > 0 and " (" .. table.concat(found, ", ") .. ")" or "")
  end
  plan.initial = found[1]
end

local function error_last(a, b)
  if (a == "error") ~= (b == "error") then return b == "error" end
  return a < b
end

-- Breadth first from the initial state, the event "error" after all others.
local function reach(plan)
  local order, reached, at = { plan.initial }, { [plan.initial] = true }, 1
  while order[at] do
    local edges = plan.states[order[at]].edges
    local events = parse.sorted_keys(edges)
    table.sort(events, error_last)
    for _, event in ipairs(events) do
      local to = edges[event]
      if not reached[to] then
        reached[to] = true
        order[#order + 1] = to
      end
    end
    at = at + 1
  end
  for _, name in ipairs(plan.names) do
    if not reached[name] then
      raise('state "%s" cannot be reached from the initial state "%s"', name, plan.initial)
    end
  end
  return order
end

local function check_dead_ends(plan, order)
  local incoming, ends, queue = {}, {}, {}
  each_edge(plan, function(from, _, to)
    incoming[to] = incoming[to] or {}
    table.insert(incoming[to], from)
  end)
  for _, name in ipairs(order) do
    if plan.states[name].outcome then queue[#queue + 1], ends[name] = name, true end
  end
  for at = 1, math.huge do
    if not queue[at] then break end
    for _, from in ipairs(incoming[queue[at]] or {}) do
      if not ends[from] then queue[#queue + 1], ends[from] = from, true end
    end
  end
  for _, name in ipairs(order) do
    if not ends[name] then raise('state "%s" is a dead end, no terminal state can be reached from it', name) end
  end
end

local function check_timeout_state(plan, sort, name)
  local state = plan.states[name]
  if not state then
    raise('timeouts.%s: unknown state "%s"%s', sort, tostring(name), suggest.hint(name, plan.names))
  end
  if state.outcome then raise('timeouts.%s: state "%s" is terminal', sort, name) end
end

local function has_edge(plan, from, to)
  for _, target in pairs(plan.states[from].edges) do
    if target == to then return true end
  end
  return false
end

local function check_timeouts(plan)
  for _, sort in ipairs { "heartbeat", "state" } do
    for _, name in ipairs(parse.sorted_keys(plan.timeouts[sort])) do check_timeout_state(plan, sort, name) end
  end
  for _, from in ipairs(parse.sorted_keys(plan.timeouts.transition)) do
    check_timeout_state(plan, "transition", from)
    for _, to in ipairs(parse.sorted_keys(plan.timeouts.transition[from])) do
      if not plan.states[to] then
        raise('timeouts.transition: unknown state "%s"%s', to, suggest.hint(to, plan.names))
      end
      if not has_edge(plan, from, to) then
        raise('timeouts.transition: there is no transition "%s -> %s"', from, to)
      end
    end
  end
end

local function with_terminals_last(plan, order)
  local sorted = {}
  for _, outcome in ipairs { false, "ok", "error" } do
    for _, name in ipairs(order) do
      if (plan.states[name].outcome or false) == outcome then sorted[#sorted + 1] = name end
    end
  end
  return sorted
end

--- Checks the plan whole, sets plan.initial, and returns the names of its states in order; raises a problem.
---@param plan table
---@return string[] order breadth first, terminal states last
function check.whole(plan)
  check_targets(plan)
  check_terminals(plan)
  check_initial(plan)
  local order = reach(plan)
  check_dead_ends(plan, order)
  check_timeouts(plan)
  return with_terminals_last(plan, order)
end

return check
