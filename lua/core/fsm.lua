-- Declared state machines. `fsm { initial =, transitions =, timeouts = }` validates a machine whole and compiles it
-- into linked state tables, so that taking an event is one lookup: state = state.edges[event].

local lazy = require "luvisor.core.lazy"
local check = lazy "luvisor.core.fsm.check"
local link = lazy "luvisor.core.fsm.link"
local parse = lazy "luvisor.core.fsm.parse"
local problem = lazy "luvisor.core.problem"

local function marker(name)
  return setmetatable({}, { __name = name, __tostring = function() return name end })
end

local fsm = { OK = marker "fsm.OK", ERROR = marker "fsm.ERROR" }

local MARKERS = { [fsm.OK] = "ok", [fsm.ERROR] = "error" }

local function build(definition)
  local plan = parse.read(definition, MARKERS)
  plan.order = check.whole(plan)
  return link.link(plan)
end

--- Validates and compiles a machine.
---@param definition table { initial =, transitions =, timeouts = }
---@return luvisor.Machine|nil machine
---@return string? message
---@return string? code
function fsm.compile(definition)
  return problem.catch(build, definition)
end

--- Whether the value is a compiled machine.
---@param value any
---@return boolean
function fsm.is(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(meta) == "table" and meta.__name == "luvisor.fsm"
end

--- The machine of a worker that declares none; the same table for the same heartbeat.
---@param heartbeat? number seconds, 2 if not given
---@return luvisor.Machine
function fsm.default(heartbeat)
  return link.default(heartbeat)
end

local supervisor

--- The machine of every supervisor. Its deadlines follow from its children, so it has no timeouts of its own.
---@return luvisor.Machine
function fsm.supervisor()
  supervisor = supervisor or build {
    initial = "idle",
    transitions = {
      idle = { start = "starting", complete = "stopped" },
      starting = { run = "running", complete = "terminating", error = "reaping" },
      running = { complete = "terminating", error = "reaping" },
      terminating = { complete = "stopped", error = "crashed" },
      reaping = { complete = "crashed", error = "crashed" },
      stopped = fsm.OK,
      crashed = fsm.ERROR,
    },
  }
  return supervisor
end

return setmetatable(fsm, {
  __call = function(_, definition)
    local machine, message = fsm.compile(definition)
    if not machine then error("fsm: " .. message, 2) end
    return machine
  end,
})
