-- luvisor: what a supervision script and its workers use.

local lazy = require "luvisor.core.lazy"
local executors = lazy "luvisor.core.spec.executors"
local fsm = require "luvisor.core.fsm"
local place = lazy "luvisor.edge.load.place"
local running = require "luvisor.edge.running"
local script = lazy "luvisor.edge.script"
local spec = lazy "luvisor.core.spec"
local suggest = lazy "luvisor.core.suggest"
local system = require "host.system"

local luvisor = { fsm = fsm, version = system.version }

local function constructor(kind)
  return function(definition)
    local where = place.of(2)
    if definition == luvisor then
      error(("%s:%d: luvisor.%s: with a dot, not a colon"):format(where.file, where.line, kind), 0)
    end
    if type(definition) ~= "table" then
      error(("%s:%d: luvisor.%s: expected a table, got %s"):format(where.file, where.line, kind, type(definition)), 0)
    end
    local made, message = spec[kind](definition, where)
    if not made then error(message, 0) end
    return made
  end
end

--- Describes a worker: Lua code with a declared machine.
---@param definition table see docs/reference.md
---@return luvisor.Spec
luvisor.worker = constructor "worker"

--- Describes a program: an OS process and everything it starts.
---@param definition table see docs/reference.md
---@return luvisor.Spec
luvisor.program = constructor "program"

--- Describes a supervisor: units that are started, watched and restarted together.
---@param definition table see docs/reference.md
---@return luvisor.Spec
luvisor.supervisor = constructor "supervisor"

--- Describes a supervisor of `count` children, each what `child(number)` returns: see handle:partition.
---@param definition table see docs/messages.md
---@return luvisor.Spec
luvisor.partition = constructor "partition"

--- Changes defaults for the whole tree: luvisor.defaults { restarts = 5, heartbeat = 10 }.
---@param values table
function luvisor.defaults(values)
  script.add_defaults(values, place.of(2))
end

--- Has fn(event) called for every event of a kind: start ready transition heartbeat exit restart stop fatal give_up.
---@param kind string
---@param fn fun(event: table)
function luvisor.on(kind, fn)
  local ok, message = script.subscribe(kind, fn)
  if not ok then error("luvisor.on: " .. message, 2) end
end

--- Names an executor: where workers and supervisors with executor = "name" run. See docs/executors.md.
---@param name string
---@param implementation { start: function, stop?: function, kill: function, alive?: function }
function luvisor.executor(name, implementation)
  local ok, message = executors.add(name, implementation)
  if not ok then error("luvisor.executor: " .. message, 2) end
end

--- The absolute directory of the supervision script, for what lies beside it: programs, data, configuration.
---@return string|nil
function luvisor.directory()
  return running.directory
end

--- The handle of a unit of the running tree, by its path or an unambiguous last part.
---@param path string
---@return table|nil handle
---@return string? message
---@return string? code
function luvisor.find(path)
  return script.find(path)
end

-- What units say to each other: luvisor.call, cast, send, ... A script that only describes its tree does without.
local function add_messages()
  for name, value in pairs(require "luvisor.edge.messages") do luvisor[name] = value end
end

-- A name that is not there is a mistake, and "attempt to call a nil value" helps nobody.
setmetatable(luvisor, { __index = function(_, name)
  if name == "restart" then
    luvisor.restart = require "luvisor.core.restart"
    return luvisor.restart
  end
  add_messages()
  local found = rawget(luvisor, name)
  if found ~= nil then return found end
  local known = { "restart" }
  for one in pairs(luvisor) do known[#known + 1] = one end
  table.sort(known)
  error(('luvisor has no "%s"%s'):format(tostring(name), suggest.hint(name, known)), 2)
end })

return luvisor
