-- What a change of a key takes. Each key of a unit's spec is of one class:
--   in place  the unit is not touched: what looks at the key next finds the new value
--   code      of a worker: what it does and what it was given
--   start     only a new start can take it in: a program's is what exec sees
-- A key that is not named here is of class start, so that nothing is forgotten.

local digest = require "luvisor.core.digest"
local output = require "luvisor.core.spec.output"

local keys = {}

local IN_PLACE = {}
for _, key in ipairs {
  "restart", "backoff", "after", "start_timeout", "shutdown", "significant", "critical", "autostart", "on_change",
  "tags",
  "intensity", "strategy", "auto_shutdown", "max_children", -- of a supervisor
  "ready", "health", "stop", "success", "max_memory", "max_age", "reload", "orphans", "hooks", -- of a program
} do IN_PLACE[key] = true end

-- Said by others, or only where the unit stands.
local DERIVED = {}
for _, key in ipairs {
  "kind", "name", "where", "path", "restart_name", "restart_given", "shutdown_derived", "counted", "children",
  "template", "definition", "machine", "passages", "routine", "module", "fsm", "args", "drift", "edits", "families",
  "adopted", "shell", "env", "env_file", "user", "group", "groups", "heartbeat",
} do DERIVED[key] = true end

local SHOWN = { variables = "env", identity = "user" }

-- ---- values

local same

local function same_tables(a, b, pairs_seen)
  if pairs_seen[a] == b then return true end
  pairs_seen[a] = b
  for key, value in next, a do
    local equal, why = same(value, b[key], pairs_seen)
    if not equal then return false, why end
  end
  for key in next, b do
    if a[key] == nil then return false end
  end
  return true
end

function same(a, b, pairs_seen)
  if rawequal(a, b) or a == b then return true end
  if type(a) ~= type(b) then return false end
  if type(a) == "function" then return digest.same(a, b) end
  return type(a) == "table" and same_tables(a, b, pairs_seen)
end

--- Whether two values of specs say the same.
---@param a any
---@param b any
---@return boolean
---@return string? message why that cannot be known
function keys.same(a, b)
  return same(a, b, {})
end

-- ---- units

---@class luvisor.Difference
---@field class "in place"|"code"|"start"|"timeouts"
---@field key string
---@field text string

local function add(list, class, key, why)
  list[#list + 1] = { class = class, key = key, text = why and ("%s (cannot be compared: %s)"):format(key, why) or key }
end

local function same_restart(old, new)
  if old.restart_name ~= new.restart_name or old.restart_given ~= new.restart_given then return false end
  if old.restart_name then return true end
  return keys.same(old.restart, new.restart)
end

local function exec_part(ready)
  return ready and { ready.notify or false, ready.fd or false } or {}
end

local function is_rotation(old, new)
  if type(old) ~= "table" or type(new) ~= "table" or not old.file then return false end
  local mine = {}
  for name, value in pairs(new) do mine[name] = value end
  for _, name in ipairs(output.rotation) do mine[name] = old[name] end
  return keys.same(old, mine)
end

local function class_of(old, new, key)
  if (key == "stdout" or key == "stderr") and is_rotation(old[key], new[key]) then return "in place" end
  if key == "ready" and not keys.same(exec_part(old.ready), exec_part(new.ready)) then return "start" end
  return IN_PLACE[key] and "in place" or "start"
end

local function compare_key(list, old, new, key)
  local equal, why
  if key == "restart" then
    equal, why = same_restart(old, new)
  else
    equal, why = keys.same(old[key], new[key])
  end
  if not equal then add(list, class_of(old, new, key), SHOWN[key] or key, why) end
end

local function union(old, new)
  local seen, list = {}, {}
  for _, spec in ipairs { old, new } do
    for key in next, spec do
      if not seen[key] and not DERIVED[key] then seen[key], list[#list + 1] = true, key end
    end
  end
  table.sort(list)
  return list
end

-- ---- workers

local function shape_of(machine)
  local shape = { initial = machine.initial.name, ready = machine.ready_state.name, states = {} }
  for _, state in ipairs(machine.order) do
    local edges = { outcome = state.outcome }
    for event, target in pairs(state.edges) do edges["event " .. event] = target.name end
    shape.states[state.name] = edges
  end
  return shape
end

local function compare_machines(list, old, new)
  if old == new then return end
  if not keys.same(shape_of(old), shape_of(new)) then return add(list, "code", "fsm") end
  if not keys.same(old.plan.timeouts, new.plan.timeouts) then add(list, "timeouts", "timeouts") end
end

local function compare_code(list, old, new)
  local equal, why = keys.same(old.args, new.args)
  if not equal then add(list, "code", "args", why) end
  if old.definition then
    equal, why = digest.same(old.definition, new.definition)
    local code = type(new.module) == "string" and "code of module " .. new.module or "code"
    if not equal then add(list, "code", code, why) end
    compare_machines(list, old.machine, new.machine)
  end
end

--- How two specs of one unit differ, without what is below them.
---@param old luvisor.Spec
---@param new luvisor.Spec
---@return luvisor.Difference[]
function keys.compare(old, new)
  local list = {}
  for _, key in ipairs(union(old, new)) do
    -- a worker's `ready` is a part of its machine, and what was derived is told by what it follows from
    local skipped = key == "ready" and new.kind == "worker"
      or key == "shutdown" and old.shutdown_derived and new.shutdown_derived
    if not skipped then compare_key(list, old, new, key) end
  end
  if new.kind == "worker" then compare_code(list, old, new) end
  return list
end

return keys
