-- Custom: a unit on an executor of the script's own, { start, stop, kill, alive }. Its `start` makes something that
-- runs the unit and says how it does, either itself (unit:ready(), unit:ended { ... }) or through a guest of luvisor's
-- at the other end of two streams (unit:connect(reader, writer)), which then runs the worker as any other executor.

local exit = require "luvisor.core.exit"
local logger = require "luvisor.edge.logger"
local runtime = require "host.runtime"
local wire_stream = require "luvisor.edge.guest.wire_stream"

local custom = {}

local LOOK = 1       -- seconds between two questions whether it is alive
local READ_GRACE = 1 -- seconds for what was sent before the end

---@class luvisor.Custom what the functions of an executor are given
---@field name string
---@field path string
---@field args any
---@field generation integer
---@field log table
local Unit = { __name = "luvisor.custom" }
Unit.__index = Unit

local inside = setmetatable({}, { __mode = "k" }) -- of these, what is not the script's

--- The unit is ready.
function Unit:ready()
  local own = inside[self]
  if not own.over then own.events.frame { "ready" } end
end

local finish

-- What a guest has sent before it ended comes first.
local function finish_when_read(own, how)
  if not own.wire or own.read then return finish(own, how) end
  own.how = how
  own.grace = runtime.after(READ_GRACE, finish, own, how)
end

-- Posted: a start that fails at once has not returned yet.
function finish(own, how)
  if own.over then return end
  own.over = true
  runtime.cancel(own.timer)
  runtime.cancel(own.grace)
  if own.wire then own.wire:close() end
  runtime.post(own.events.ended, how)
end

--- Everything of the unit is gone: { kind = "exit", code = 1 }, with the fields of an exit.
---@param how? table
function Unit:ended(how)
  how = how or { kind = "normal" }
  exit.new(how)
  finish_when_read(inside[self], setmetatable(how, nil))
end

--- What is on the other end of the two streams is `luvisor guest 0 1`, which is told to run the unit. Their end is not
--- the unit's: that is for whoever started it to say, with ended.
---@param reader table a luv stream
---@param writer table
function Unit:connect(reader, writer)
  local own = inside[self]
  if own.wire then error("connect: it is connected", 2) end
  own.wire = wire_stream.open(reader, writer, own.events.frame, function(nonsense)
    own.read = true
    if own.how then return finish(own, own.how) end
    if not nonsense then return end
    self.log:error("at the other end is no guest: it has sent %s", nonsense)
    own.kill()
  end)
  assert(own.wire:send(own.order(), true))
end

-- ---- as a guest

local Guest = {}
Guest.__index = Guest

local function call(self, name)
  local fn = self.implementation[name]
  if not fn or self.own.over then return nil end
  local ok, result = xpcall(fn, debug.traceback, self.unit, self.handle)
  if ok then return result end
  self.env.log("error", self.unit.path, "executor: %s: %s", name, result)
end

function Guest:send(frame, urgent)
  local wire = self.own.wire
  if frame[1] == "stop" then call(self, self.implementation.stop and "stop" or not wire and "kill" or "stop") end
  if wire then return wire:send(frame, urgent) end
  if frame[1] == "kill" then self:destroy() end
  return true
end

function Guest:follows() return self.own.wire ~= nil end
function Guest:destroy() call(self, "kill") end
function Guest.abandon() end

local function look(self)
  local own = self.own
  if own.over then return end
  if call(self, "alive") == false then
    return finish(own, { kind = "error", message = "its executor says that it is not alive" })
  end
  own.timer = runtime.after(LOOK, look, self)
end

-- Its start has failed: what it has connected is let go of.
local function refuse(own, message)
  own.over = true
  if own.wire then own.wire:close() end
  return nil, tostring(message)
end

--- Starts a unit on its executor.
---@param env table
---@param unit table
---@param events { frame: function, ended: function }
---@param order fun(): table what a guest is to be told
---@return table|nil guest
---@return string? message
function custom.open(env, unit, events, order)
  local spec = unit.spec
  local seen = setmetatable({ name = tostring(unit.name), path = unit:path(), args = spec.args,
    generation = unit.generation, log = logger(env.log, unit) }, Unit)
  local own = { events = events, order = order }
  inside[seen] = own
  local self = setmetatable({ env = env, unit = seen, own = own, implementation = spec.executor }, Guest)
  local ok, handle, message = xpcall(spec.executor.start, debug.traceback, seen)
  if not ok then return refuse(own, handle) end
  if handle == nil and message then return refuse(own, message) end
  self.handle = handle
  function own.kill() self:destroy() end
  if spec.executor.alive then own.timer = runtime.after(LOOK, look, self) end
  return self
end

return custom
