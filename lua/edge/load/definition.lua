-- Definition: what a worker's module says: loaded, checked, and joined with the machine that it runs on.

local keys = require "luvisor.core.lazy" "luvisor.core.spec.keys"
local link = require "luvisor.core.fsm.link"
local past = require "luvisor.machine.worker.past"
local worker = require "luvisor.worker"

local definition = {}

local function explain(message) return require("luvisor.edge.load.explanation").explain(message) end

local function fault(unit_spec, key, message)
  return keys.problem(unit_spec, key, message)
end

local function missing(unit_spec, name)
  return fault(unit_spec, "module", ("no module %s beside the script or on package.path"):format(name))
end

local function load_module(unit_spec, generation)
  local module = unit_spec.module
  if type(module) == "table" then return module end
  if not generation:has(module) then return missing(unit_spec, module) end
  local ok, loaded = xpcall(generation.require, explain, generation, module)
  if not ok then
    return fault(unit_spec, "module", (loaded:gsub("^error loading module '[^']*' from file '[^']*':%s*", "")))
  end
  return loaded
end

--- Adds to a machine what workers need of it, once.
---@param machine luvisor.Machine
---@return luvisor.Machine
function definition.complete(machine)
  local crashed = rawget(machine, "crashed")
  if crashed then return machine end
  for _, state in ipairs(machine.order) do
    if state.outcome == "error" then crashed = crashed or state end
  end
  machine.crashed = crashed
    or { name = "crashed", index = 255, edges = {}, events = {}, outcome = "error", transition_timeouts = {} }
  past.attach(machine)
  return machine
end

local function with_heartbeats(machine, given)
  if type(given) ~= "table" then given = { [machine.ready_state.name] = given } end
  for state, seconds in pairs(given) do
    local changed, message = machine:with_heartbeat(state, seconds)
    if not changed then return nil, message end
    machine = changed
  end
  return machine
end

local function choose_machine(unit_spec, made, settings)
  local heartbeat, own = unit_spec.heartbeat, unit_spec.fsm or made.fsm
  local shared = type(heartbeat) == "number" and not own and not unit_spec.ready
  local machine, message = own or link.default(shared and heartbeat or settings.heartbeat)
  if unit_spec.ready then
    machine, message = machine:with_ready(unit_spec.ready)
    if not machine then return fault(unit_spec, "ready", message) end
  end
  if heartbeat and not shared then
    machine, message = with_heartbeats(machine, heartbeat)
    if not machine then return fault(unit_spec, "heartbeat", message) end
  end
  return definition.complete(machine)
end

--- Loads and checks the definition of a worker's spec, and puts it there.
---@param unit_spec table
---@param settings table
---@param generation luvisor.Generation
---@param is_lone? boolean whether there is no other in its runtime: it needs nothing that speeds up the start of many
---@return boolean|nil ok
---@return string? message
---@return string? code
function definition.prepare(unit_spec, settings, generation, is_lone)
  local made, message, code = load_module(unit_spec, generation)
  if not made and message then return nil, message, code end
  if not worker.is(made) then
    local got = made == true and "nothing (the module has no return)" or type(made)
    return fault(unit_spec, "module", "expected what worker.define() made, got " .. got)
  end
  local machine
  machine, message, code = choose_machine(unit_spec, made, settings)
  if not machine then return nil, message, code end
  local ok
  ok, message = worker.check(made, machine)
  if not ok then return fault(unit_spec, "module", message) end
  unit_spec.definition, unit_spec.machine = made, machine
  if is_lone then return true end
  unit_spec.passages = require("luvisor.machine.worker.passage").all(made, machine)
  unit_spec.routine = require("luvisor.machine.worker.routine").of(unit_spec)
  return true
end

return definition
