-- Own: what every worker's `self` offers besides messages; see instance.lua.

local own = { getters = {}, methods = {} }

local getters, methods = own.getters, own.methods

function getters.name(unit) return tostring(unit.name) end
function getters.path(unit) return unit:path() end
function getters.state(unit) return unit.state and unit.state.name end
function getters.generation(unit) return unit.generation end
function getters.history(unit) return unit.spec.machine.recall(unit.past) end
function getters.log(unit) return unit.env.logger(unit) end

--- Sleeps without holding up anybody: true, or nil, "stopping", "ECANCELED" when a stop arrives meanwhile.
---@param seconds number
function methods.sleep(self, seconds)
  return self._unit.env.task.sleep(seconds)
end

--- A heartbeat inside of long work.
function methods.beat(self)
  self._unit.env.task.beat()
end

--- Moves every deadline that runs to at least so many seconds from now.
---@param seconds number
function methods.extend(self, seconds)
  self._unit.env.task.extend(seconds)
end

--- Calls start(..., callback), waits for the callback, and returns what it was given. For any luv function that takes
--- a callback: local err, fd = self:await(uv.fs_open, path, "r", 0). What the function refuses at once comes as its
--- message, nil, its code: the error first, as in a callback.
function methods.await(self, start, ...)
  if type(start) ~= "function" then error("self:await: expected a function, got " .. type(start), 2) end
  return self._unit.env.task.await(start, ...)
end

--- Waits for nothing in particular: lets everybody else have a turn.
function methods.yield(self)
  return self._unit.env.task.sleep(0)
end

return own
