-- The named settings of a tree. For each: a key at the unit wins over the script's luvisor.defaults { ... }, that
-- over LUVISOR_<NAME> in the environment, and that over the built-in value.

local lazy = require "luvisor.core.lazy"
local backoff = require "luvisor.core.backoff"
local check = require "luvisor.core.check"
local suggest = lazy "luvisor.core.suggest"

local defaults = {}

---@class luvisor.Setting
---@field name string
---@field check function
---@field builtin any   nil: it depends on the kind of unit
---@field meaning string

local function setting(name, value_check, builtin, meaning)
  return { name = name, check = value_check, builtin = builtin, meaning = meaning }
end

local count = check.integer(1, math.huge)

---@type luvisor.Setting[]
defaults.list = {
  setting("restarts", check.integer(0, math.huge), 3, "immediate restarts a supervisor allows within the window"),
  setting("within", check.seconds, 5, "length of that window in seconds"),
  setting("heartbeat", check.seconds, 2, "heartbeat timeout of the default machine's running state"),
  setting("start_timeout", check.limit, nil, "longest time until ready (workers 30, programs 60)"),
  setting("shutdown", check.shutdown, nil, "time to stop before being killed (workers 5, programs 10)"),
  setting("backoff_min", check.delay, backoff.defaults.min, "delay before the first paced restart"),
  setting("backoff_max", check.delay, backoff.defaults.max, "longest such delay"),
  setting("backoff_factor", check.number(1, math.huge), backoff.defaults.factor, "its growth from failure to failure"),
  setting("backoff_jitter", check.number(0, 1), backoff.defaults.jitter, "random share of the delay"),
  setting("backoff_reset_after", check.delay, backoff.defaults.reset_after, "a run of this length starts over"),
  setting("call_timeout", check.seconds, 5, "how long a call waits for its answer"),
  setting("mailbox", count, 1000, "messages a worker's mailbox holds"),
  setting("history", check.text, nil, "file of the history, or off; in daemon mode it lies beside the log"),
  setting("history_age", check.seconds, 30 * 86400, "what is older is forgotten there"),
  setting("history_size", check.size, 64 << 20, "bytes of that file; then the oldest is forgotten"),
  setting("load_timeout", check.seconds, 5, "how long loading the script may take"),
  setting("load_memory", check.size, 256 << 20, "how many bytes of memory it may take for that"),
  setting("change_timeout", check.seconds, 20, "and beyond that a runtime of its own may be silent on a change"),
  setting("slice", check.seconds, 0.005, "how long Lua may run before a worker gives way to the others"),
  setting("stall", check.seconds, 0.25, "processor time of Lua that cannot give way until it is cancelled"),
  setting("kill", check.seconds, 0.25, "and so much later it is killed"),
  setting("die_with_host", check.boolean, true, "whether programs are killed when the host dies"),
}

local by_name, names = {}, {}
for i, one in ipairs(defaults.list) do by_name[one.name], names[i] = one, one.name end

-- In the script the groups may be written as at a unit: intensity = { restarts = 5 }, backoff = { min = 1 }.
local GROUPS = {
  intensity = { restarts = "restarts", within = "within" },
  backoff = {
    min = "backoff_min", max = "backoff_max", factor = "backoff_factor", jitter = "backoff_jitter",
    reset_after = "backoff_reset_after",
  },
}

local function problem(key, message)
  return nil, ('key "%s": %s'):format(key, message), "EINVAL"
end

local function put(flat, name, key, value)
  local one = by_name[name]
  if not one then
    local known = table.move(names, 1, #names, 3, { "intensity", "backoff" })
    return problem(key, "unknown setting" .. suggest.hint(key, known))
  end
  local ok, result, below = one.check(value)
  if not ok then return problem(key .. (below or ""), result) end
  if flat[name] ~= nil then return problem(key, "is given twice") end
  flat[name] = result
  return true
end

local function put_group(flat, group, values)
  if type(values) ~= "table" then return problem(group, "expected a table, got " .. check.got(values)) end
  for _, key in ipairs(check.keys(values)) do
    local name = GROUPS[group][key]
    if not name then
      return problem(group .. "." .. key, check.unknown_key(GROUPS[group], key))
    end
    local ok, message, code = put(flat, name, group .. "." .. key, values[key])
    if not ok then return nil, message, code end
  end
  return true
end

--- Checks what a script gave to luvisor.defaults; the result has only plain setting names.
---@param values table
---@return table|nil flat
---@return string? message
---@return string? code
function defaults.check(values)
  if type(values) ~= "table" then return nil, "expected a table, got " .. check.got(values), "EINVAL" end
  local flat = {}
  for key in pairs(values) do
    if type(key) ~= "string" then return problem(tostring(key), "unknown setting") end
  end
  for _, key in ipairs(check.keys(values)) do
    local ok, message, code
    if GROUPS[key] then
      ok, message, code = put_group(flat, key, values[key])
    else
      ok, message, code = put(flat, key, key, values[key])
    end
    if not ok then return nil, message, code end
  end
  return flat
end

--- Name of the environment variable of a setting.
---@param name string
---@return string
function defaults.variable(name)
  return "LUVISOR_" .. name:upper()
end

local function from_environment(one, environment)
  local variable = defaults.variable(one.name)
  local literal = environment[variable]
  if literal == nil or literal == "" then return true, nil end
  local ok, value = one.check(check.literal(literal, one.check == check.boolean))
  if ok then return true, value end
  return false, ("%s: %s"):format(variable, value)
end

-- A variable of the environment that is almost a setting is a mistake; others are somebody else's.
local function check_environment(environment)
  for _, variable in ipairs(check.keys(environment)) do
    local name = type(variable) == "string" and variable:match "^LUVISOR_(.+)$"
    local near = name and not by_name[name:lower()] and suggest.nearest(name, names)
    if near then
      return nil, ("%s: unknown setting, did you mean %s?"):format(variable, defaults.variable(near)), "EINVAL"
    end
  end
  return true
end

local function group(settings)
  settings.intensity = { restarts = settings.restarts, within = settings.within }
  settings.backoff = {}
  for key, name in pairs(GROUPS.backoff) do settings.backoff[key] = settings[name] end
  if settings.backoff.min > settings.backoff.max then
    return nil, ("backoff_min %g is more than backoff_max %g"):format(settings.backoff_min, settings.backoff_max),
      "EINVAL"
  end
  return settings
end

--- The settings of a tree: every name of defaults.list, and the tables `intensity` and `backoff` made of them.
--- A setting without a built-in value is nil unless given.
---@param script? table what the script gave to luvisor.defaults
---@param environment? table<string, string>
---@return table|nil settings
---@return string? message
---@return string? code
function defaults.resolve(script, environment)
  local flat, message, code = defaults.check(script or {})
  if not flat then return nil, message, code end
  local ok
  ok, message, code = check_environment(environment or {})
  if not ok then return nil, message, code end
  local settings = {}
  for _, one in ipairs(defaults.list) do
    local value
    ok, value = from_environment(one, environment or {})
    if not ok then return nil, value, "EINVAL" end
    if value == nil then value = one.builtin end
    if flat[one.name] ~= nil then value = flat[one.name] end
    settings[one.name] = value
  end
  return group(settings)
end

return defaults
