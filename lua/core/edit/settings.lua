-- Settings: the keys of a unit that another value can be given to while it runs, each by the check that the script's
-- own value passed. A part of a key has its name after a dot: "intensity.restarts".

local backoff = require "luvisor.core.backoff"
local output = require "luvisor.core.spec.output"
local program = require "luvisor.core.spec.program"
local restart = require "luvisor.core.restart"
local suggest = require "luvisor.core.suggest"
local supervisor = require "luvisor.core.spec.supervisor"
local worker = require "luvisor.core.spec.worker"

local settings = {}

local SCHEMAS = { worker = worker.schema, program = program.schema, supervisor = supervisor.schema }

local ANY = {
  "restart", "backoff.min", "backoff.max", "backoff.factor", "backoff.jitter", "backoff.reset_after", "start_timeout",
  "shutdown", "significant", "critical", "autostart", "on_change", "tags",
}

local OWN = {
  worker = { "heartbeat", "heartbeat.STATE" },
  supervisor = { "strategy", "intensity.restarts", "intensity.within", "auto_shutdown", "max_children" },
  program = {
    "health", "health.every", "health.timeout", "health.retries", "health.grace", "health.success", "stop.signal",
    "stop.timeout", "success", "max_memory", "max_age", "reload", "orphans",
  },
}
for _, stream in ipairs { "stdout", "stderr" } do
  for _, key in ipairs(output.rotation) do table.insert(OWN.program, stream .. "." .. key) end
end

local LISTS = {}
for kind, own in pairs(OWN) do
  LISTS[kind] = table.move(own, 1, #own, #ANY + 1, table.move(ANY, 1, #ANY, 1, {}))
  table.sort(LISTS[kind])
end

local ALIASES = { ["stop.timeout"] = "shutdown" }

-- ---- a part of a key

-- What has to be said besides the part, so that the check of the whole finds nothing missing.
local REST = {
  health = function() return { tcp = 1 } end,
  stop = function() return {} end,
  intensity = function(present) return present end,
  stdout = function(present) return present end,
  stderr = function(present) return present end,
}

local function merge(present, part, value)
  local all = {}
  for key, item in pairs(present or {}) do all[key] = item end
  all[part] = value
  return all
end

local function set_part(spec, key, part, value)
  local present = spec[key]
  if type(present) ~= "table" or (key == "stdout" or key == "stderr") and not present.file then
    return nil, ("there is no %s to change a part of"):format(key == "health" and key or key .. " file")
  end
  local ok, checked, below = SCHEMAS[spec.kind][key](merge(REST[key](present), part, value))
  if not ok then return nil, checked, below end
  spec[key] = merge(present, part, checked[part])
  return true
end

-- ---- keys of their own kind

local special = {}

function special.backoff(spec, part, value)
  local filled, message, _, key = backoff.fill({ [part] = value }, spec.backoff or nil)
  if not filled then return nil, message, key and "." .. key end
  spec.backoff = filled
  return true
end

function special.restart(spec, _, value)
  if type(value) == "function" then
    spec.restart, spec.restart_name, spec.restart_given = value, nil, true
    return true
  end
  if type(value) ~= "string" or not restart.of(value) then
    return nil, ('expected "permanent", "transient" or "temporary", or a policy, as "luvisor.restart.retries(3)"%s')
      :format(suggest.hint(tostring(value), restart.types))
  end
  if spec.significant and value == "permanent" then return nil, "is permanent, and significant" end
  spec.restart, spec.restart_name, spec.restart_given = restart.of(value), value, true
  if spec.kind == "program" then spec.restart = restart.program[value] end
  return true
end

function special.significant(spec, _, value)
  if value == true and spec.restart_name == "permanent" then
    return nil, 'needs restart = "transient" or "temporary"'
  end
  spec.significant = value == true
  return type(value) == "boolean" or nil, "expected true or false"
end

function special.shutdown(spec, _, value)
  local ok, checked = SCHEMAS[spec.kind].shutdown(value)
  if not ok then return nil, checked end
  spec.shutdown, spec.shutdown_derived = checked, nil
  return true
end

-- Those of the other states stay as they are.
function special.heartbeat(spec, part, value)
  local ok, checked, below = SCHEMAS.worker.heartbeat(part and { [part] = value } or value)
  if not ok then return nil, checked, not part and below or nil end
  local machine, all = spec.machine, {}
  local ready = machine.ready_state.name
  local present = type(spec.heartbeat) == "table" and spec.heartbeat or { [ready] = spec.heartbeat }
  for state, seconds in pairs(present) do all[state] = seconds end
  for state, seconds in pairs(type(checked) == "table" and checked or { [ready] = checked }) do
    local known, message = machine:with_heartbeat(state, seconds)
    if not known then return nil, message end
    all[state] = seconds
  end
  spec.heartbeat = all
  return true
end

-- ---- any key

--- The keys of all kinds of units.
---@return string[]
function settings.keys()
  local seen, keys = {}, {}
  for _, list in pairs(LISTS) do
    for _, key in ipairs(list) do
      if not seen[key] then keys[#keys + 1], seen[key] = key, true end
    end
  end
  return keys
end

local function is_known(spec, key)
  for _, one in ipairs(LISTS[spec.kind]) do
    if one == key or one == "heartbeat.STATE" and key:find "^heartbeat%.." then return true end
  end
end

local function unknown(spec, key)
  return nil, ('%s: "%s" cannot be changed in place%s; what can: %s'):format(spec.path, key,
    suggest.hint(key, LISTS[spec.kind]), table.concat(LISTS[spec.kind], " ")), "EINVAL"
end

local function set(spec, key, value)
  local top, part = key:match "^([^.]+)%.(.+)$"
  top = top or key
  if special[top] then return special[top](spec, part, value) end
  if part then return set_part(spec, top, part, value) end
  local ok, checked, below = SCHEMAS[spec.kind][top](value)
  if not ok then return nil, checked, below end
  spec[top] = checked
  return true
end

--- Gives a spec another value of a key.
---@param spec luvisor.Spec a copy that nobody else has
---@param key string
---@param value any
---@return boolean|nil ok
---@return string? message
---@return string? code
function settings.set(spec, key, value)
  if not is_known(spec, key) then return unknown(spec, key) end
  local ok, message, below = set(spec, ALIASES[key] or key, value)
  if ok then return true end
  local whole = key:find(".", 1, true) and key or key .. (below or "")
  return nil, ('%s: key "%s": %s'):format(spec.path, whole, message), "EINVAL"
end

return settings
