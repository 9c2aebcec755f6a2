-- luvisor.worker { ... }: the spec of a worker.

local check = require "luvisor.core.check"
local executors = require "luvisor.core.spec.executors"
local fsm = require "luvisor.core.fsm"
local keys = require "luvisor.core.spec.keys"
local restart = require "luvisor.core.restart"
local schedule = require "luvisor.core.spec.schedule"
local unit = require "luvisor.core.spec.unit"

local worker = {}

local function module(value)
  if type(value) == "table" then return true, value end
  if type(value) ~= "string" then return check.expected("the name of a module or a definition", value) end
  return check.text(value)
end

local function machine(value)
  if fsm.is(value) then return true, value end
  return check.expected("a machine made with luvisor.fsm", value)
end

-- Of the state in which it is ready, or of each that is named.
local function heartbeat(value)
  if type(value) ~= "table" then
    if check.seconds(value) then return true, value end
    return check.expected("seconds > 0 or { state = seconds }", value)
  end
  for state, seconds in pairs(value) do
    local ok, message = check.seconds(seconds)
    if not ok then return false, message, "." .. tostring(state) end
  end
  return true, value
end

local SCHEMA = unit.extend(executors.extend({
  module = module,
  args = check.table,
  fsm = machine,
  ready = check.text,
  heartbeat = heartbeat,
  memory = check.size,
  mailbox = check.integer(1, math.huge),
  schedule = schedule.check,
}))

worker.schema = SCHEMA

-- At most 16 fields are named here: there may be hundreds of thousands of these, and the next size is twice as big.
local function empty(where)
  return {
    kind = "worker", name = false, where = where, path = nil, module = false, args = nil, after = nil,
    restart = restart.permanent, restart_name = "permanent", restart_given = false, executor = "coroutine",
    autostart = true, significant = false, critical = false, start_timeout = nil, shutdown = nil,
  }
end

---@param def table
---@param where? luvisor.Where
---@return luvisor.Spec|nil spec
---@return string? message
---@return string? code
function worker.new(def, where)
  local out = empty(where)
  local ok, message, code = keys.read(SCHEMA, def, out)
  if not ok then return nil, message, code end
  if not out.module then return keys.problem(out, "module", "missing") end
  ok, message, code = executors.settle(out)
  if ok then ok, message, code = schedule.settle(def, out) end
  if not ok then return nil, message, code end
  if out.fsm and out.ready then
    local found, reason = out.fsm:with_ready(out.ready)
    if not found then return keys.problem(out, "ready", reason) end
  end
  return unit.finish(def, out)
end

return worker
