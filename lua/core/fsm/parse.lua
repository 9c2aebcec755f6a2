-- Reads the ways in which a machine may be written into one plain form:
--   { initial = name|nil, states = { [name] = { edges = { [event] = name }, outcome = nil|"ok"|"error" } },
--     names = { sorted }, timeouts = { heartbeat = { [state] = s }, state = { [state] = s },
--     transition = { [from] = { [to] = s } } } }
-- Only the shape is checked here; whether the machine makes sense is fsm/check.lua's business.

local lazy = require "luvisor.core.lazy"
local problem = require "luvisor.core.problem"
local suggest = lazy "luvisor.core.suggest"
local units = require "luvisor.core.units"

local raise = problem.raise

local KEYS = { "initial", "transitions", "timeouts" }
local TIMEOUTS = { "heartbeat", "state", "transition" }
local ENTRY = { "name", "from", "to" }
local IMPLIED = { ok = "stopped", error = "crashed" }
local MARKER_TEXT = { ok = "fsm.OK", error = "fsm.ERROR" }

local parse = {}

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

parse.sorted_keys = sorted_keys

local function check_keys(map, known, what)
  local set = {}
  for _, key in ipairs(known) do set[key] = true end
  for _, key in ipairs(sorted_keys(map)) do
    if not set[key] then
      raise('%sunknown key "%s"%s', what, tostring(key), suggest.hint(key, known))
    end
  end
end

local function check_table(value, what)
  if type(value) ~= "table" then raise("%s: expected a table, got %s", what, type(value)) end
end

local function check_word(value, what)
  if type(value) ~= "string" then raise("%s: expected a name, got %s", what, type(value)) end
  if not value:find("^[%w_][%w_.-]*$") or value:find("->", 1, true) then
    raise('%s: "%s" is not a name (letters, digits, "_", "-", ".")', what, value)
  end
end

local function state_of(plan, name)
  check_word(name, "state")
  local state = plan.states[name]
  if not state then
    state = { edges = {} }
    plan.states[name] = state
  end
  return state
end

local function add_edge(plan, from, event, to)
  local state = state_of(plan, from)
  check_word(event, ('state "%s": event'):format(from))
  if event == "keepalive" then raise('state "%s": "keepalive" cannot be an event', from) end
  if state.outcome then raise('state "%s" is terminal and can have no events', from) end
  if state.edges[event] then raise('state "%s": event "%s" is given twice', from, event) end
  if not plan.markers[to] then check_word(to, ('state "%s": target of event "%s"'):format(from, event)) end
  state.edges[event] = to
end

local function add_terminal(plan, name, outcome)
  local state = state_of(plan, name)
  if next(state.edges) then raise('state "%s" is terminal and can have no events', name) end
  state.outcome = outcome
end

local function add_entry(plan, entry, position)
  local what = ("transitions[%d]"):format(position)
  check_table(entry, what)
  local event, from, to = entry.name, entry.from, entry.to
  if entry[1] ~= nil then
    from, event, to = entry[1], entry[2], entry[3]
    if #entry ~= 3 then raise("%s: expected { from, event, to }", what) end
  else
    check_keys(entry, ENTRY, what .. ": ")
  end
  local sources = type(from) == "table" and from or { from }
  if #sources == 0 then raise("%s: from is missing", what) end
  for _, one in ipairs(sources) do add_edge(plan, one, event, to) end
end

local function add_state(plan, name, value)
  local outcome = plan.markers[value]
  if outcome then return add_terminal(plan, name, outcome) end
  if type(value) ~= "table" then
    raise('state "%s": expected a table of events, fsm.OK or fsm.ERROR, got %s', tostring(name), type(value))
  end
  state_of(plan, name)
  for _, event in ipairs(sorted_keys(value)) do add_edge(plan, name, event, value[event]) end
end

local function read_transitions(plan, transitions)
  check_table(transitions, "transitions")
  for position, entry in ipairs(transitions) do add_entry(plan, entry, position) end
  for _, name in ipairs(sorted_keys(transitions)) do
    if math.type(name) ~= "integer" or name < 1 or name > #transitions then
      add_state(plan, name, transitions[name])
    end
  end
end

-- The state that a target fsm.OK or fsm.ERROR stands for.
local function terminal_of(plan, outcome)
  local declared = {}
  for _, name in ipairs(sorted_keys(plan.states)) do
    if plan.states[name].outcome == outcome then declared[#declared + 1] = name end
  end
  if #declared > 1 then
    raise("target %s is ambiguous, name one of the states %s", MARKER_TEXT[outcome],
      table.concat(declared, ", "))
  end
  if declared[1] then return declared[1] end
  local name = IMPLIED[outcome]
  if plan.states[name] then
    raise('target %s needs a terminal state, but state "%s" has events', MARKER_TEXT[outcome], name)
  end
  plan.states[name] = { edges = {}, outcome = outcome }
  return name
end

local function resolve_markers(plan)
  local chosen = {}
  for _, name in ipairs(sorted_keys(plan.states)) do
    local edges = plan.states[name].edges
    for _, event in ipairs(sorted_keys(edges)) do
      local outcome = plan.markers[edges[event]]
      if outcome then
        chosen[outcome] = chosen[outcome] or terminal_of(plan, outcome)
        edges[event] = chosen[outcome]
      end
    end
  end
end

local function check_timeout(value, what)
  if not units.is_seconds(value) or value == 0 then
    raise("%s: a timeout must be a number of seconds > 0, got %s", what,
      type(value) == "number" and tostring(value) or type(value))
  end
end

local function add_transition_timeout(map, key, value)
  local from, to = tostring(key):match("^%s*(%S-)%s*%->%s*(%S+)%s*$")
  if not from or from == "" then
    raise('timeouts.transition: "%s" is not of the form "from -> to"', tostring(key))
  end
  map[from] = map[from] or {}
  if map[from][to] then raise('timeouts.transition: "%s -> %s" is given twice', from, to) end
  map[from][to] = value
end

local function read_timeouts(timeouts)
  check_table(timeouts, "timeouts")
  check_keys(timeouts, TIMEOUTS, "timeouts: ")
  local plan = { heartbeat = {}, state = {}, transition = {} }
  for _, sort in ipairs(TIMEOUTS) do
    local map = timeouts[sort] or {}
    check_table(map, "timeouts." .. sort)
    for _, key in ipairs(sorted_keys(map)) do
      check_timeout(map[key], ('timeouts.%s["%s"]'):format(sort, tostring(key)))
      if sort == "transition" then
        add_transition_timeout(plan.transition, key, map[key])
      else
        plan[sort][key] = map[key]
      end
    end
  end
  return plan
end

--- The plain form of a definition; raises a problem.
---@param definition table
---@param markers table<any, string> outcome of the two terminal markers
---@return table plan
function parse.read(definition, markers)
  check_table(definition, "fsm")
  check_keys(definition, KEYS, "")
  local plan = { states = {}, markers = markers, initial = definition.initial }
  if plan.initial ~= nil then check_word(plan.initial, "initial") end
  if definition.transitions == nil then raise("transitions are missing") end
  read_transitions(plan, definition.transitions)
  resolve_markers(plan)
  plan.markers = nil -- the same for all, and no part of what this one says
  plan.timeouts = read_timeouts(definition.timeouts or {})
  plan.names = sorted_keys(plan.states)
  return plan
end

return parse
