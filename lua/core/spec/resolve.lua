-- The second step, when the whole tree is there: fills in what its units left unset, gives each its path, puts
-- children into start order, and derives how long a supervisor may take to stop. Doing it twice changes nothing.

local lazy = require "luvisor.core.lazy"
local backoff = require "luvisor.core.backoff"
local breath = require "luvisor.core.breath"
local defaults = require "luvisor.core.defaults"
local hooks = require "luvisor.core.spec.hooks"
local instances = require "luvisor.core.spec.instances"
local keys = require "luvisor.core.spec.keys"
local order = require "luvisor.core.spec.order"
local output = lazy "luvisor.core.spec.output"
local supervisor = require "luvisor.core.spec.supervisor"
local unit = require "luvisor.core.spec.unit"

local resolve = {}

local START_TIMEOUT = { worker = 30, program = 60 }
local SHUTDOWN = { worker = 5, program = 10 }

-- Room for the machinery itself, so that a parent's deadline never comes before its last child's.
local SLACK, SLACK_PER_CHILD = 1, 0.1

--- How long a supervisor with these children may need to stop: they stop one after the other, those of a template
--- all at once.
---@param spec luvisor.Spec of a supervisor
---@param children? luvisor.Spec[] its present children, if not those of the spec
---@return number|"infinity"
function resolve.shutdown(spec, children)
  local list = spec.template and { spec.template } or children or spec.children
  local sum = SLACK
  for _, child in ipairs(list) do
    local shutdown = child.shutdown
    if shutdown == "infinity" then return "infinity" end
    sum = sum + SLACK_PER_CHILD + (shutdown == "kill" and 0 or shutdown) + hooks.stop_time(child)
  end
  return sum
end

-- Those who wait alike share one.
local function filled_backoff(given, state)
  local pace = backoff.fill(given, state.settings.backoff)
  local key = ("ddddd"):pack(pace.min, pace.max, pace.factor, pace.jitter, pace.reset_after)
  state.paces[key] = state.paces[key] or pace
  return state.paces[key]
end

local function fill_backoff(spec, state)
  local given, settings = spec.backoff, state.settings
  if given == true or given == nil and spec.kind == "program" then
    spec.backoff = settings.backoff
  elseif given then
    spec.backoff = filled_backoff(given, state)
  elseif spec.kind ~= "program" then
    spec.backoff = nil
  end
end

local function fill_times(spec, settings)
  local kind = spec.kind
  if spec.start_timeout == nil then
    spec.start_timeout = settings.start_timeout
    if spec.start_timeout == nil then spec.start_timeout = START_TIMEOUT[kind] end
  end
  spec.shutdown = spec.shutdown or settings.shutdown or SHUTDOWN[kind]
end

local FILL = {}

FILL.worker = fill_times

function FILL.program(spec, settings)
  fill_times(spec, settings)
  if spec.die_with_host == nil then spec.die_with_host = settings.die_with_host end
end

function FILL.supervisor(spec, settings)
  local given = spec.intensity
  spec.intensity = given and {
    restarts = given.restarts or settings.restarts, within = given.within or settings.within,
  } or settings.intensity
end

local walk

local function note_counted(spec, state)
  for name, count in pairs(spec.counted or {}) do state.counted[spec.path .. "/" .. name] = count end
end

local function walk_children(spec, state)
  note_counted(spec, state)
  for _, child in ipairs(spec.children) do
    local ok, message, code = walk(child, spec.path, state)
    if not ok then return nil, message, code end
  end
  if spec.template then
    local ok, message, code = walk(spec.template, spec.path, state)
    if not ok then return nil, message, code end
  end
  if not spec.shutdown or spec.shutdown_derived then
    spec.shutdown, spec.shutdown_derived = resolve.shutdown(spec), true
  end
  return true
end

function walk(spec, parent_path, state)
  breath.take()
  local path = parent_path and parent_path .. "/" .. spec.name or spec.name
  if spec.path and spec.path ~= path then
    return keys.fail(spec, ('the same unit is used twice, as "%s" and as "%s"'):format(spec.path, path))
  end
  spec.path = path
  fill_backoff(spec, state)
  FILL[spec.kind](spec, state.settings)
  if spec.after then table.insert(state.waiting, { spec, parent_path }) end
  if spec.kind == "supervisor" then return walk_children(spec, state) end
  if spec.kind == "program" then return output.claim(state.files, spec) end
  return true
end

local function check_root(root)
  if not unit.is(root) then
    return nil, "the script returned no unit" .. (root ~= nil and ", but a " .. type(root) or ""), "EINVAL"
  end
  if root.instances then return keys.problem(root, "count", "the root is one") end
  if root.after then return keys.problem(root, "after", "the root has no siblings") end
  if root.executor ~= "coroutine" then return keys.problem(root, "executor", "the root runs in the host itself") end
  if root.significant then return keys.problem(root, "significant", "the root has no supervisor") end
  return true
end

--- Resolves a whole tree.
---@param root luvisor.Spec
---@param script? table what the script gave to luvisor.defaults
---@param environment? table<string, string>
---@return luvisor.Spec|nil root
---@return table|string settings or message
---@return string? code
function resolve.tree(root, script, environment)
  local settings, message, code = defaults.resolve(script, environment)
  if not settings then return nil, message, code end
  local ok
  ok, message, code = check_root(root)
  if not ok then return nil, message, code end
  local state = { settings = settings, waiting = {}, counted = {}, files = {}, paces = {} }
  ok, message, code = walk(root, nil, state)
  for _, entry in ipairs(state.waiting) do entry[1].after = instances.references(entry[1].after, state.counted) end
  if ok and #state.waiting > 0 then ok, message, code = order.apply(root, state.waiting) end
  if not ok then return nil, message, code end
  return root, settings
end

--- Resolves a unit that joins a running supervisor. Whether its name is free is for the caller to see, and so are
--- the units that it comes after.
---@param parent luvisor.Spec resolved
---@param child luvisor.Spec
---@param settings table of the tree
---@return luvisor.Spec|nil child
---@return string? message
---@return string? code
function resolve.child(parent, child, settings)
  if not unit.is(child) then return nil, "expected a unit, got " .. type(child), "EINVAL" end
  local ok, message, code = supervisor.check_child(parent, child)
  local state = { settings = settings, waiting = {}, counted = {}, files = {}, paces = {} }
  if ok then ok, message, code = walk(child, parent.path, state) end
  if not ok then return nil, message, code end
  if child.after then child.after = instances.references(child.after, parent.counted) end
  return child
end

return resolve
