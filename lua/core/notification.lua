-- Notification: what a program says in one message of sd_notify(3): "KEY=value" lines. What is not understood, or does
-- not make sense, is left out; everything a program says is only a claim.

local notification = {}

local LONGEST_STATUS = 200

local function flag(value)
  return value == "1" or nil
end

-- Up to a year; text such as "5e3", "0x10" or a sign is none.
local function seconds(value)
  local number = #value <= 14 and value:find("^%d+$") and tonumber(value) / 1e6
  return number and number <= 31536000 and number or nil
end

local function number(value)
  return #value <= 9 and value:find("^%d+$") and math.tointeger(tonumber(value)) or nil
end

local function text(value)
  return (value:gsub("%c", "?"):sub(1, LONGEST_STATUS))
end

local function watchdog(value)
  return value == "1" and "alive" or value == "trigger" and "trigger" or nil
end

local KEYS = {
  READY = { "ready", flag }, STOPPING = { "stopping", flag }, RELOADING = { "reloading", flag },
  STATUS = { "status", text }, WATCHDOG = { "watchdog", watchdog }, WATCHDOG_USEC = { "watchdog_seconds", seconds },
  EXTEND_TIMEOUT_USEC = { "extend_seconds", seconds }, MAINPID = { "main_pid", number }, ERRNO = { "errno", number },
}

---@class luvisor.Notification
---@field ready? true
---@field stopping? true
---@field reloading? true
---@field status? string without control characters
---@field watchdog? "alive"|"trigger"
---@field watchdog_seconds? number
---@field extend_seconds? number
---@field main_pid? integer
---@field errno? integer

--- What a message says.
---@param message string
---@return luvisor.Notification
function notification.parse(message)
  local said = {}
  for line in message:gmatch("[^\n]+") do
    local key, value = line:match("^([%u_]+)=(.*)$")
    local one = KEYS[key]
    if one then said[one[1]] = one[2](value) end
  end
  return said
end

return notification
