-- The arithmetic of waiting between two starts: exponential, bounded, with jitter, and forgotten after a good run.

local lazy = require "luvisor.core.lazy"
local suggest = lazy "luvisor.core.suggest"
local units = require "luvisor.core.units"

local backoff = {}

---@class luvisor.Backoff
---@field min number
---@field max number
---@field factor number
---@field jitter number
---@field reset_after number

---@type luvisor.Backoff
backoff.defaults = { min = 0.1, max = 30, factor = 2, jitter = 0.1, reset_after = 60 }

backoff.keys = { "min", "max", "factor", "jitter", "reset_after" }

local LIMITS = {
  min = { 0, math.huge }, max = { 0, math.huge }, factor = { 1, math.huge }, jitter = { 0, 1 },
  reset_after = { 0, math.huge },
}

local function check_value(key, value)
  local limits = LIMITS[key]
  if not limits then return "unknown key" .. suggest.hint(key, backoff.keys) end
  if not units.is_seconds(value) then
    return "expected a number >= 0, got " .. (type(value) == "number" and tostring(value) or type(value))
  end
  if value < limits[1] then return ("must be at least %g, got %g"):format(limits[1], value) end
  if value > limits[2] then return ("must be at most %g, got %g"):format(limits[2], value) end
end

local function first_problem(given)
  for key, value in pairs(given) do
    local message = check_value(key, value)
    if message then return message, tostring(key) end
  end
  if given.min and given.max and given.min > given.max then return "is more than max", "min" end
end

--- Checks a table of backoff keys, and fills it with the defaults.
---@param given table
---@param defaults? luvisor.Backoff
---@return luvisor.Backoff|nil filled
---@return string? message
---@return string? code
---@return string? key the key at fault
function backoff.fill(given, defaults)
  local message, key = first_problem(given)
  if message then return nil, message, "EINVAL", key end
  local filled = {}
  for name, value in pairs(defaults or backoff.defaults) do
    filled[name] = given[name] == nil and value or given[name]
  end
  if filled.min > filled.max then
    -- Only one of the two was given: the other one gives way.
    if given.min then filled.max = filled.min else filled.min = filled.max end
  end
  return filled
end

--- How many of the last runs failed in a row; a run that was ready and lasted `reset_after` seconds ends the row.
---@param history table
---@param reset_after number
---@return integer
function backoff.failures(history, reset_after)
  local count = 0
  for i = #history, 1, -1 do
    count = count + 1
    if history[i].ready and history[i].uptime >= reset_after then break end
  end
  return count
end

--- The delay before the next start after so many failures in a row: min * factor ^ (failures - 1), at most max,
--- moved by up to `jitter` of itself either way but never out of min..max.
---@param pace luvisor.Backoff
---@param failures integer
---@param random? fun(): number from 0 up to 1; without it there is no jitter
---@return number seconds
function backoff.delay(pace, failures, random)
  local least, most = pace.min, pace.max
  if least == 0 then return 0 end
  local base = math.min(most, least * pace.factor ^ math.max(0, failures - 1))
  local span = base * pace.jitter
  if not random or span == 0 then return base end
  local low, high = math.max(least, base - span), math.min(most, base + span)
  return low + (high - low) * random()
end

return backoff
