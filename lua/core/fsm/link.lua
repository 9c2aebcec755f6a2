-- Link: makes a machine of a plan, see parse.lua; and the machine of workers that declare none. A thread with one
-- worker loads this and no parser.

local lazy = require "luvisor.core.lazy"
local parse = lazy "luvisor.core.fsm.parse"

---@class luvisor.State
---@field name string
---@field index integer                     position in machine.order
---@field edges table<string, luvisor.State>
---@field events string[]                   sorted
---@field only? string                      the event, if there is exactly one other than "error"
---@field outcome? "ok"|"error"             of a terminal state
---@field heartbeat? number                 seconds
---@field timeout? number                   longest stay, seconds
---@field transition_timeouts table<string, number> by event
---@field ready boolean                     whether entering it makes the worker ready

---@class luvisor.Machine
---@field states table<string, luvisor.State>
---@field order luvisor.State[]             breadth first from the initial state, terminal states last
---@field initial luvisor.State
---@field ready_state luvisor.State
local Machine = { __name = "luvisor.fsm" }
Machine.__index = lazy "luvisor.core.fsm.questions"

local link = {}

local function only_event(events)
  local found
  for _, event in ipairs(events) do
    if event ~= "error" then
      if found then return nil end
      found = event
    end
  end
  return found
end

local function new_state(plan, name, index)
  local source = plan.states[name]
  local events = source.events or parse.sorted_keys(source.edges)
  return {
    name = name, index = index, edges = {}, events = events, only = only_event(events),
    outcome = source.outcome, heartbeat = plan.timeouts.heartbeat[name],
    timeout = plan.timeouts.state[name], transition_timeouts = {}, ready = false,
  }
end

local function link_edges(plan, states, state)
  local limits = plan.timeouts.transition[state.name] or {}
  for event, target in pairs(plan.states[state.name].edges) do
    state.edges[event] = states[target]
    state.transition_timeouts[event] = limits[target]
  end
end

local function default_ready(machine)
  for _, state in ipairs(machine.order) do
    if state.heartbeat then return state end
  end
  local second = machine.order[2]
  return second.outcome and machine.initial or second
end

--- Makes the machine of a plan (see fsm/parse.lua); `ready` names the state in which a worker is ready.
---@param plan table
---@param ready? string
---@return luvisor.Machine
function link.link(plan, ready)
  local machine = setmetatable({ plan = plan, states = {}, order = {} }, Machine)
  for index, name in ipairs(plan.order) do
    local state = new_state(plan, name, index)
    machine.states[name], machine.order[index] = state, state
  end
  for _, state in ipairs(machine.order) do link_edges(plan, machine.states, state) end
  machine.initial = machine.states[plan.initial]
  machine.ready_state = ready and machine.states[ready] or default_ready(machine)
  machine.ready_state.ready = true
  return machine
end

-- What the parser makes of the default machine.
local function new_default(heartbeat)
  return link.link {
    initial = "idle",
    order = { "idle", "starting", "running", "terminating", "stopped", "crashed" },
    names = { "crashed", "idle", "running", "starting", "stopped", "terminating" },
    states = {
      idle = { edges = { start = "starting" }, events = { "start" } },
      starting = { edges = { run = "running", error = "crashed" }, events = { "error", "run" } },
      running = { edges = { complete = "terminating", error = "crashed" }, events = { "complete", "error" } },
      terminating = { edges = { complete = "stopped", error = "crashed" }, events = { "complete", "error" } },
      stopped = { edges = {}, events = {}, outcome = "ok" },
      crashed = { edges = {}, events = {}, outcome = "error" },
    },
    timeouts = {
      heartbeat = { running = heartbeat },
      state = { starting = 10, terminating = 10 },
      transition = {
        idle = { starting = 1 }, starting = { running = 1 }, running = { terminating = 1 },
        terminating = { stopped = 1 },
      },
    },
  }
end

local defaults = {}

--- The machine of a worker that declares none; the same table for the same heartbeat.
---@param heartbeat? number seconds, 2 if not given
---@return luvisor.Machine
function link.default(heartbeat)
  heartbeat = heartbeat or 2
  defaults[heartbeat] = defaults[heartbeat] or new_default(heartbeat)
  return defaults[heartbeat]
end

return link
