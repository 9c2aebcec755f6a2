-- Instance: the `self` of a worker's actors and hooks. A plain table that the worker may put fields on; everything
-- else it offers is looked up here, so that a worker which uses none of it pays for none of it.

local instance = {}

local getters, methods = {}, { stopping = true } -- which is a field: true says so to what hastens

local LATER -- see names.lua; what is in it is loaded when it is first asked for

local function later()
  LATER = LATER or require "luvisor.machine.instance.names"
  return LATER
end

local function add_own()
  local own = require "luvisor.machine.instance.own"
  for name, fn in pairs(own.getters) do getters[name] = fn end
  for name, fn in pairs(own.methods) do methods[name] = fn end
end

-- Who asks may be ended in the middle of this: the next one has to find it as it was.
local function load_later(module)
  if module == "own" then add_own() else require "luvisor.machine.message.conversation" end -- which adds its own
  for name, from in pairs(LATER) do
    if from == module then LATER[name] = nil end
  end
end

local function index(self, key)
  if key == "stopping" then return self._unit.stopping or false end -- the one that is asked for in every turn
  local method = methods[key]
  if method then return method end
  local getter = getters[key]
  if getter then return getter(rawget(self, "_unit")) end
  local module = (LATER or later())[key]
  if not module then return nil end
  load_later(module)
  return self[key]
end

local function new_index(self, key, value)
  if methods[key] or getters[key] or later()[key] then error(("self.%s cannot be set"):format(key), 2) end
  rawset(self, key, value)
end

local meta = { __name = "luvisor.self", __index = index, __newindex = new_index }

function meta.__tostring(self)
  return "worker " .. self.path
end

--- The metatable of all instances.
instance.meta = meta

--- From now on methods are found by what make(methods, otherwise) gives, which is faster; see host.mailbox.
---@param make fun(methods: table, otherwise: fun(self: table, key: any): any): function
function instance.hasten(make)
  meta.__index = make(methods, index)
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
