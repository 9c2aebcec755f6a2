-- Parts: what an env has besides clock and scheduler, each made when it is first asked for. By name: fn(env) -> part.

local lazy = require "luvisor.core.lazy"
local exit = require "luvisor.core.exit"
local explanation = lazy "luvisor.edge.load.explanation"
local handle = lazy "luvisor.machine.handle"
local runtime = require "host.runtime"
local task = require "host.task"

local parts = {}

local KINDS = {}

function KINDS.supervisor() return require "luvisor.machine.supervisor" end
function KINDS.worker(env) return rawget(env, "worker_kind") or require "luvisor.machine.worker"(env) end
function KINDS.program() return require "luvisor.machine.program" end
function KINDS.remote() return require "luvisor.machine.remote" end

function parts.kinds(env)
  return setmetatable({}, { __index = function(self, name)
    local make = KINDS[name]
    self[name] = make and make(env)
    return rawget(self, name)
  end })
end

-- ---- events

local function dispatch(self, kind, event)
  for _, fn in ipairs(self.subscribers[kind] or {}) do
    local ok, message = xpcall(fn, explanation.explain, event)
    if not ok then self.log("error", event.unit, "subscriber of %s: %s", kind, message) end
  end
end

--- emit(kind, unit, event): tells of an event.
function parts.emit(self)
  return function(kind, unit, event)
    event.kind, event.unit, event.at, event.handle = kind, unit:path(), runtime.now(), handle.of(unit)
    runtime.post(dispatch, self, kind, event)
  end
end

-- Returns a function that ends it. Nobody pays for a kind of events that nobody wants any more.
local function subscribe(self, kind, fn)
  local list = table.move(self.subscribers[kind] or {}, 1, #(self.subscribers[kind] or {}), 1, {})
  list[#list + 1] = fn
  self.subscribers[kind] = list
  self.watch(kind)
  return function()
    local left = {}
    for _, one in ipairs(self.subscribers[kind]) do
      if one ~= fn then left[#left + 1] = one end
    end
    self.subscribers[kind] = left
    if left[1] then return end
    self.watched[kind] = nil
    if kind == "heartbeat" then task.watch_beats(false) end
  end
end

--- subscribe(kind, fn): has fn called for events of a kind.
function parts.subscribe(self)
  return function(kind, fn) return subscribe(self, kind, fn) end
end

--- watch(kind): has events of a kind told.
function parts.watch(self)
  return function(kind)
    self.watched[kind] = true
    if kind == "heartbeat" then task.watch_beats(true) end
  end
end

-- ---- all else

function parts.logger(env)
  local logger = require "luvisor.edge.logger"
  return function(unit) return logger(env.log, unit) end
end

function parts.code() return require "luvisor.edge.load.code" end
function parts.process() return require "host.process" end

-- What the marks of all programs here end with. They are found by it when the host is dead, so that of a guest ends
-- with the host's.
function parts.lineage(self)
  local own, told = self.process.instance, rawget(self, "told")
  return told and own .. "@" .. told.lineage or own
end

function parts.probes() return require "luvisor.edge.probes" end
function parts.calendar() return require "luvisor.edge.calendar" end
function parts.pipes() return require "luvisor.edge.pipes" end
function parts.errand() return require("luvisor.edge.errand").start end
function parts.memory() return require("luvisor.edge.memory").of end
function parts.notifications(env) return require("luvisor.edge.notifications").new(env.log) end
function parts.sockets() return require("luvisor.edge.sockets").new {} end
function parts.cgroups(env) return require("luvisor.edge.cgroups").new(env.log) end
function parts.ends() return require("luvisor.machine.supervisor.ends").new() end
function parts.registry(env)
  return require("luvisor.machine.message.registry").new(env.ends, function() env.mail.forget() end)
end
function parts.mail() return require "host.mailbox" end
function parts.inquiry(env)
  return env.ask_host and require("luvisor.machine.message.inquiry").new(env, env.ask_host) or false
end
function parts.codec(env)
  local codec = require "host.codec"
  handle.teach(codec, env)
  exit.teach(codec)
  return codec
end
function parts.guests(env) return require("luvisor.edge.guests").new(env) end

return parts
