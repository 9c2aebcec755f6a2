-- limits = { nofile = 1024, core = { 0, "1GB" }, stack = "8MB", cpu = "infinity" }: one number for both limits, or the
-- soft and the hard one. Checked into { soft, hard }, math.huge for none.

local check = require "luvisor.core.check"
local suggest = require "luvisor.core.suggest"
local units = require "luvisor.core.units"

local LARGEST = 2 ^ 53

local function whole(what)
  local number = check.integer(0, LARGEST)
  return function(value)
    local ok, result = number(value)
    if ok then return true, result end
    return check.expected(what .. ' or "infinity"', value)
  end
end

local function bytes(value)
  local size = units.size(value)
  if size then return true, size end
  return check.expected('a size (bytes or text such as "64MB") or "infinity"', value)
end

local count = whole "a whole number >= 0"

local RESOURCES = {
  as = bytes, core = bytes, data = bytes, fsize = bytes, memlock = bytes, msgqueue = bytes, rss = bytes, stack = bytes,
  locks = count, nofile = count, nproc = count, sigpending = count,
  cpu = whole "whole seconds", rttime = whole "whole microseconds",
  nice = whole "a whole number from 0 to 40", rtprio = count,
}

local names = check.keys(RESOURCES)

local function one(value, resource)
  if value == "infinity" then return true, math.huge end
  return RESOURCES[resource](value)
end

local function pair(value, resource)
  if check.length(value) ~= 2 then return false, "expected a limit or { soft, hard }" end
  local result = {}
  for i = 1, 2 do
    local ok, limit = one(value[i], resource)
    if not ok then return false, limit, ("[%d]"):format(i) end
    result[i] = limit
  end
  if result[1] > result[2] then return false, "the soft limit is above the hard one" end
  return true, result
end

local function limit_of(resource, value)
  if type(value) == "table" then return pair(value, resource) end
  local ok, limit = one(value, resource)
  if not ok then return false, limit end
  return true, { limit, limit }
end

--- The check of the key.
return function(value)
  if type(value) ~= "table" then return check.expected("{ resource = limit }", value) end
  local result = {}
  for resource, given in pairs(value) do
    local below = "." .. tostring(resource)
    if not RESOURCES[resource] then
      return false, "unknown resource" .. suggest.hint(resource, names), below
    end
    local ok, limits, further = limit_of(resource, given)
    if not ok then return false, limits, below .. (further or "") end
    result[resource] = limits
  end
  return true, result
end
