-- Sizes and durations: what a script may write, and how people read them.

local units = {}

local floor, huge = math.floor, math.huge

-- As in supervisord and systemd "MB" and "MiB" both mean 1024 * 1024 bytes.
local FACTORS = { [""] = 1, b = 1 }
for power, letter in ipairs { "k", "m", "g", "t" } do
  local factor = 1024 ^ power
  FACTORS[letter], FACTORS[letter .. "b"], FACTORS[letter .. "ib"] = factor, factor, factor
end

local LARGEST = 2 ^ 53

--- Bytes of a size: a whole number, or text such as "64MB", "1.5 GiB", "512".
---@param value number|string
---@return integer|nil bytes
---@return string? message
---@return string? code
function units.size(value)
  local bytes = value
  if type(value) == "string" then
    local number, unit = value:match("^%s*(%d+%.?%d*)%s*(%a*)%s*$")
    local factor = FACTORS[(unit or "?"):lower()]
    if not factor then return nil, ('not a size: "%s"'):format(value), "EINVAL" end
    bytes = floor(tonumber(number) * factor)
  elseif type(value) ~= "number" then
    return nil, "not a size: " .. type(value), "EINVAL"
  end
  local whole = math.tointeger(bytes)
  if not whole or whole < 0 or whole > LARGEST then
    return nil, ("not a size: %s"):format(tostring(value)), "EINVAL"
  end
  return whole
end

--- Whether the value is a finite number of seconds, zero or more.
---@param value any
---@return boolean
function units.is_seconds(value)
  return type(value) == "number" and value >= 0 and value < huge
end

local function trim(number)
  return (("%.3f"):format(number):gsub("0+$", ""):gsub("%.$", ""))
end

local function two_parts(seconds, large, large_name, small, small_name)
  local whole = floor(seconds / large)
  local rest = floor((seconds - whole * large) / small)
  if rest == 0 then return ("%d %s"):format(whole, large_name) end
  return ("%d %s %d %s"):format(whole, large_name, rest, small_name)
end

local SECONDS = {
  ms = 0.001, s = 1, sec = 1, m = 60, min = 60, h = 3600, d = 86400, day = 86400, days = 86400, w = 604800,
}

--- Seconds of a text such as "90s", "1.5 h", "1h 30min", "3d"; a number alone is seconds.
---@param text string
---@return number|nil seconds
---@return string? message
---@return string? code
function units.seconds(text)
  local sum, rest = 0, text
  if text:find "^%d+%.?%d*$" then return tonumber(text) end
  repeat
    local number, unit, after = rest:match "^%s*(%d+%.?%d*)%s*(%a+)%s*(.*)$"
    if not SECONDS[unit] then return nil, ('not a duration: "%s" (90s, 15min, 2h, 3d)'):format(text), "EINVAL" end
    sum, rest = sum + tonumber(number) * SECONDS[unit], after
  until rest == ""
  return sum
end

--- A duration for people: "250 ms", "2 s", "1 min 30 s", "2 h 5 min", "3 d 4 h".
---@param seconds number
---@return string
function units.text(seconds)
  if seconds ~= seconds or seconds == huge then return "infinity" end
  if seconds < 0 then return "-" .. units.text(-seconds) end
  if seconds > 0.1 and seconds < 0.9995 then return ("%.0f ms"):format(seconds * 1000) end
  if seconds > 0 and seconds < 0.9995 then return trim(seconds * 1000) .. " ms" end
  if seconds < 60 then return trim(seconds) .. " s" end
  if seconds < 3600 then return two_parts(seconds, 60, "min", 1, "s") end
  if seconds < 86400 then return two_parts(seconds, 3600, "h", 60, "min") end
  return two_parts(seconds, 86400, "d", 3600, "h")
end

return units
