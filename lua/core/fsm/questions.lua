-- Questions: what a compiled machine (core/fsm.lua) can be asked; its methods.

local link = require "luvisor.core.lazy" "luvisor.core.fsm.link"
local suggest = require "luvisor.core.suggest"
local units = require "luvisor.core.units"

---@class luvisor.Machine
local questions = {}

local function names(machine)
  return machine.plan.names
end

local function state_of(self, name)
  local state = self.states[name]
  if state and not state.outcome then return state end
  if state then return nil, ('state "%s" is terminal'):format(name), "EINVAL" end
  return nil, ('unknown state "%s"%s'):format(tostring(name), suggest.hint(name, names(self))), "EINVAL"
end

--- The same machine, with another state being the one in which a worker is ready.
---@param name string
---@return luvisor.Machine|nil machine
---@return string? message
---@return string? code
function questions:with_ready(name)
  local state, message, code = state_of(self, name)
  if not state then return nil, message, code end
  if state.ready then return self end
  return link.link(self.plan, name)
end

--- The same machine with another heartbeat timeout of a state.
---@param name string
---@param seconds number
---@return luvisor.Machine|nil machine
---@return string? message
---@return string? code
function questions:with_heartbeat(name, seconds)
  local state, message, code = state_of(self, name)
  if not state then return nil, message, code end
  if not units.is_seconds(seconds) or seconds <= 0 then return nil, "expected seconds > 0", "EINVAL" end
  local plan, timeouts = {}, {}
  for key, value in pairs(self.plan) do plan[key] = value end
  for key, value in pairs(self.plan.timeouts) do timeouts[key] = value end
  timeouts.heartbeat = { [name] = seconds }
  for key, value in pairs(self.plan.timeouts.heartbeat) do
    if key ~= name then timeouts.heartbeat[key] = value end
  end
  plan.timeouts = timeouts
  return link.link(plan, self.ready_state.name)
end

--- Name of the state that an event leads to.
---@param state string
---@param event string
---@return string|nil target
---@return string? message
---@return string? code
function questions:target(state, event)
  local source = self.states[state]
  if not source then return nil, ('unknown state "%s"'):format(tostring(state)), "EINVAL" end
  if source.outcome then return nil, ('state "%s" is terminal'):format(state), "EINVAL" end
  local target = source.edges[event]
  if target then return target.name end
  return nil, ('state "%s" has no event "%s"%s'):format(state, tostring(event),
    suggest.hint(event, source.events)), "EINVAL"
end

--- Sorted events of a state; none for a terminal one.
---@param state string
---@return string[]|nil events
---@return string? message
---@return string? code
function questions:events(state)
  local source = self.states[state]
  if not source then return nil, ('unknown state "%s"'):format(tostring(state)), "EINVAL" end
  return source.events
end

local function state_line(machine, state)
  local notes = {}
  local function note(text) notes[#notes + 1] = text end
  if state == machine.initial then note "initial" end
  if state.ready then note "ready" end
  if state.outcome then note(state.outcome == "ok" and "OK" or "ERROR") end
  if state.heartbeat then note("heartbeat " .. units.text(state.heartbeat)) end
  if state.timeout then note("at most " .. units.text(state.timeout)) end
  if #notes == 0 then return state.name end
  return ("%s (%s)"):format(state.name, table.concat(notes, ", "))
end

local function event_line(state, event)
  local limit = state.transition_timeouts[event]
  local text = ("  %s -> %s"):format(event, state.edges[event].name)
  return limit and ("%s within %s"):format(text, units.text(limit)) or text
end

--- The machine as text: a line for each state, below it one for each of its events.
---@return string
function questions:describe()
  local lines = {}
  for _, state in ipairs(self.order) do
    lines[#lines + 1] = state_line(self, state)
    for _, event in ipairs(state.events) do lines[#lines + 1] = event_line(state, event) end
  end
  return table.concat(lines, "\n")
end

return questions
