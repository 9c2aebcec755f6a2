-- Bounds: what the first load of a script may take: time, and memory. There is no loop yet to serve anybody meanwhile,
-- and nothing to lose: what sits in C when its time is over ends the process. A reload has the same, see attempt.lua.

local defaults = require "luvisor.core.defaults"
local loader = require "luvisor.edge.loader"
local runtime = require "host.runtime"
local system = require "host.system"

local bounds = {}

local TIMEOUT, MEMORY = 60, 1 << 30 -- nobody is waiting to be served: more than a reload may take

-- Or what the environment says; what the script says of it is for its reloads.
local function limits()
  local environment = system.environment()
  local settings = defaults.resolve({}, environment) or defaults.resolve({}, {})
  return environment.LUVISOR_LOAD_TIMEOUT and settings.load_timeout or TIMEOUT,
    environment.LUVISOR_LOAD_MEMORY and settings.load_memory or MEMORY
end

--- Loads a script, as loader.load does, within bounds.
---@param path string
---@return table|nil loaded
---@return string? message
---@return string? code
function bounds.load(path)
  local seconds, bytes = limits()
  local late = ("%s: loading takes more than %g s"):format(path, seconds)
  runtime.limit_memory((runtime.memory()) + bytes)
  runtime.alarm(seconds, "luvisor: " .. late .. "\n")
  local ok, loaded, message, code = xpcall(loader.load, debug.traceback, path)
  local was_late = runtime.alarm()
  runtime.limit_memory()
  if not ok then loaded, message, code = nil, tostring(loaded), "EINVAL" end
  if was_late then
    local where = message and message:match "^([^\n]*:%d+): %a+"
    return nil, where and ("%s (at %s)"):format(late, where) or late, "EINVAL"
  end
  if loaded or not message:find("not enough memory", 1, true) then return loaded, message, code end
  return nil, ("%s: loading takes more than %d MB"):format(path, bytes // 2 ^ 20), "EINVAL"
end

return bounds
