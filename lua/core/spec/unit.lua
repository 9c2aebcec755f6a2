-- The keys of any unit, whatever its kind, and what has to hold between them.

local backoff = require "luvisor.core.backoff"
local check = require "luvisor.core.check"
local executors = require "luvisor.core.spec.executors"
local keys = require "luvisor.core.spec.keys"
local restart = require "luvisor.core.restart"

local unit = {}

---@class luvisor.Spec
---@field kind "worker"|"program"|"supervisor"
---@field name string
---@field where? luvisor.Where
---@field path? string              set by resolve
---@field restart luvisor.Policy
---@field restart_name? string      nil for a policy of the script's own
---@field restart_given boolean
---@field backoff? table|false
---@field after? table<string, "started"|"ready"|"done">
---@field start_timeout? number|false
---@field shutdown number|"kill"|"infinity"
---@field significant boolean
---@field critical boolean
---@field autostart boolean
---@field on_change? "upgrade"|"restart"|"keep"
---@field executor string|table
---@field tags? string[]
local Spec = { __name = "luvisor.spec" }

local one_of_conditions = check.one_of { "started", "ready", "done" }

-- Only the last part can name one of a counted program's instances.
local function is_path(text)
  text = text:gsub(":%d+$", "")
  for part in (text .. "/"):gmatch("([^/]*)/") do
    if not check.name(part) then return false end
  end
  return true
end

local function after(value)
  if type(value) ~= "table" then return check.expected('{ name = "started"|"ready"|"done" }', value) end
  for name, condition in pairs(value) do
    if type(name) ~= "string" or not is_path(name) then
      return false, ('expected name = "started"|"ready"|"done"'), ("[%s]"):format(tostring(name))
    end
    local ok, message = one_of_conditions(condition)
    if not ok then return false, message, "." .. name end
  end
  return true, next(value) and value or nil
end

-- Only what is given is kept; resolve fills in the rest.
local function pace(value)
  if type(value) == "boolean" then return true, value end
  if type(value) ~= "table" then return check.expected("a table or false", value) end
  local filled, message, _, key = backoff.fill(value)
  if not filled then return false, message, "." .. key end
  return true, value
end

local function policy(value)
  local found, message = restart.of(value)
  if found then return true, found end
  return false, message
end

unit.schema = {
  name = check.name,
  restart = policy,
  backoff = pace,
  after = after,
  start_timeout = check.limit,
  shutdown = check.shutdown,
  significant = check.boolean,
  critical = check.boolean,
  autostart = check.boolean,
  on_change = check.one_of { "upgrade", "restart", "keep" },
  executor = executors.check,
  tags = check.list("strings", check.text),
}

--- The schema of a kind: the keys of any unit and its own.
---@param own table<string, function>
---@return table<string, function>
function unit.extend(own)
  for key, one in pairs(unit.schema) do
    if not own[key] then own[key] = one end
  end
  return own
end

--- What holds for the keys of any unit together; makes `out` a spec.
---@param def table
---@param out table
---@return luvisor.Spec|nil spec
---@return string? message
---@return string? code
function unit.finish(def, out)
  if def.restart ~= nil then
    out.restart_given = true
    out.restart_name = type(def.restart) == "string" and def.restart or nil
  end
  if out.significant and out.restart_name == "permanent" then
    return keys.problem(out, "significant", 'needs restart = "transient" or "temporary"')
  end
  return setmetatable(out, Spec)
end

--- Whether the value was made by one of the constructors.
---@param value any
---@return boolean
function unit.is(value)
  return getmetatable(value) == Spec
end

return unit
