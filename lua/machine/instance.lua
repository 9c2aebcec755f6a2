-- Instance: the `self` of a worker's actors and hooks. A plain table that the worker may put fields on; everything
-- else it offers is looked up here, so that a worker which uses none of it pays for none of it.

local instance = {}

local getters = {}

function getters.name(unit) return tostring(unit.name) end
function getters.path(unit) return unit:path() end
function getters.state(unit) return unit.state and unit.state.name end
function getters.stopping(unit) return unit.stopping or false end
function getters.generation(unit) return unit.generation end
function getters.history(unit) return unit.spec.machine.recall(unit.past) end
function getters.log(unit) return unit.env.logger(unit) end

local methods = { stopping = true } -- which is a field: true says so to what hastens

-- What comes with conversation.lua, which is loaded when a worker first says or hears something.
local LATER = {}
for name in ([[send cast call send_after receive event defer reply state_timeout monitor demonitor link unlink trap
  task notify_task stream register join leave publish unit]]):gmatch "%S+" do LATER[name] = true end

local function load_later()
  LATER = {}
  require "luvisor.machine.message.conversation"
end

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

local function look_up(self, key)
  if key == "stopping" then return self._unit.stopping or false end -- the one that is asked for in every turn
  local method = methods[key]
  if method then return method end
  local getter = getters[key]
  if getter then return getter(rawget(self, "_unit")) end
  if not LATER[key] then return nil end
  load_later()
  return self[key]
end

local meta = { __name = "luvisor.self", __index = look_up }

function meta.__newindex(self, key, value)
  if methods[key] or getters[key] or LATER[key] then error(("self.%s cannot be set"):format(key), 2) end
  rawset(self, key, value)
end

function meta.__tostring(self)
  return "worker " .. self.path
end

--- The metatable of all instances.
instance.meta = meta

--- From now on methods are found by what make(methods, otherwise) gives, which is faster; see host.mailbox.
---@param make fun(methods: table, otherwise: fun(self: table, key: any): any): function
function instance.hasten(make)
  meta.__index = make(methods, look_up)
end

--- Adds a field that every instance has, worked out from its unit.
---@param name string
---@param fn fun(unit: table): any
function instance.add_getter(name, fn)
  getters[name] = fn
end

--- Adds a method to every instance.
---@param name string
---@param fn function
function instance.add_method(name, fn)
  methods[name] = fn
end

return instance
