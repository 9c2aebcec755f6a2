-- How a program's spec says when it is ready and whether it is well.

local check = require "luvisor.core.check"
local probe = require "luvisor.core.spec.probe"

local watch = {}

local TIMEOUT = 10 -- seconds for one probe
local PROBES = "tcp, http, exec or fn"

local function with_probes(keys)
  for key, one in pairs(probe.keys) do keys[key] = one end
  return check.record(keys)
end

local function notify(value)
  if value == true then return true, true end
  return check.expected("true", value)
end

local ready_keys = with_probes {
  after = check.delay, notify = notify, fd = check.integer(3, 1023), line = probe.pattern, timeout = check.seconds,
}

local SIMPLE = { "after", "notify", "fd", "line" }

--- ready = { after = 1 } and its like: exactly one way; a function is short for { fn = function }.
function watch.ready(value)
  if type(value) == "function" then value = { fn = value } end
  local ok, ready, below = ready_keys(value)
  if not ok then return false, ready, below end
  local found, count = probe.take(ready)
  for _, key in ipairs(SIMPLE) do
    if ready[key] then count = count + 1 end
  end
  if ready.timeout and count == 1 and not found then return false, "is for " .. PROBES, ".timeout" end
  if count ~= 1 then return false, "expected one of after, notify, fd, line, " .. PROBES end
  if found then return true, { probe = found, timeout = ready.timeout or TIMEOUT } end
  return true, ready
end

local count = check.integer(1, 1000)
local health_keys = with_probes {
  every = check.seconds, timeout = check.seconds, retries = count, grace = check.delay, success = count,
}

--- health = { tcp = ..., every = 30, timeout = 10, retries = 3, grace = 10, success = 1 }
function watch.health(value)
  if type(value) == "function" then value = { fn = value } end
  local ok, given, below = health_keys(value)
  if not ok then return false, given, below end
  local found = probe.take(given)
  if not found then return false, "expected one of " .. PROBES end
  return true, {
    probe = found, every = given.every or 30, timeout = given.timeout or TIMEOUT, retries = given.retries or 3,
    grace = given.grace or 10, success = given.success or 1,
  }
end

return watch
