-- Env: what the machines get injected when they run for real: clock, scheduler, programs, log and events.

local lazy = require "luvisor.core.lazy"
local code = require "luvisor.edge.load.code" -- now: it needs what a thread is not to have
local definition = lazy "luvisor.edge.load.definition"
local exit = require "luvisor.core.exit"
local handle = lazy "luvisor.machine.handle"
local log = lazy "luvisor.edge.log"
local runtime = require "host.runtime"
local task = require "host.task"

local env = {}

local function dispatch(self, kind, event)
  for _, fn in ipairs(self.subscribers[kind] or {}) do
    local ok, message = xpcall(fn, definition.explain, event)
    if not ok then self.log("error", event.unit, "subscriber of %s: %s", kind, message) end
  end
end

local function emitter(self)
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

local function watcher(self)
  return function(kind)
    self.watched[kind] = true
    if kind == "heartbeat" then task.watch_beats(true) end
  end
end

local KINDS = {}

function KINDS.supervisor() return require "luvisor.machine.supervisor" end
function KINDS.worker(self) return require "luvisor.machine.worker"(self) end
function KINDS.program() return require "luvisor.machine.program" end
function KINDS.remote() return require "luvisor.machine.remote" end

local PARTS = {}

function PARTS.process() return require "host.process" end
-- What the marks of all programs here end with. They are found by it when the host is dead, so that of a guest ends
-- with the host's.
function PARTS.lineage(self)
  local own = self.process.instance
  return self.told_lineage and own .. "@" .. self.told_lineage or own
end

function PARTS.probes() return require "luvisor.edge.probes" end
function PARTS.calendar() return require "luvisor.edge.calendar" end
function PARTS.pipes() return require "luvisor.edge.pipes" end
function PARTS.errand() return require("luvisor.edge.errand").start end
function PARTS.memory() return require("luvisor.edge.memory").of end
function PARTS.notifications(self) return require("luvisor.edge.notifications").new(self.log) end
function PARTS.sockets() return require("luvisor.edge.sockets").new {} end
function PARTS.cgroups(self) return require("luvisor.edge.cgroups").new(self.log) end
function PARTS.ends() return require("luvisor.machine.supervisor.ends").new() end
function PARTS.registry(self)
  return require("luvisor.machine.message.registry").new(self.ends, function() self.mail.forget() end)
end
function PARTS.mail() return require "host.mailbox" end
function PARTS.inquiry(self)
  return self.ask_host and require("luvisor.machine.message.inquiry").new(self, self.ask_host) or false
end
function PARTS.codec(self)
  local codec = require "host.codec"
  handle.teach(codec, self)
  exit.teach(codec)
  return codec
end
function PARTS.guests(self) return require("luvisor.edge.guests").new(self) end

-- A guest with a single worker needs few of them.
local function when_needed(list, makers, self)
  return setmetatable(list, { __index = function(_, name)
    local make = makers[name]
    if not make then return nil end
    list[name] = make(self)
    return list[name]
  end })
end

---@param options { write: function, enabled: table<string, boolean>, sockets?: table } of the log; edge.sockets
---@return table env
function env.new(options)
  local self = {
    now = runtime.now, after = runtime.after, deadline = runtime.deadline, cancel = runtime.cancel,
    post = runtime.post, random = math.random, task = task, sockets = options.sockets,
    code = code, log = options.write, logs = options.enabled, watched = {}, subscribers = {},
  }
  self.emit, self.watch = emitter(self), watcher(self)
  self.subscribe = function(kind, fn) return subscribe(self, kind, fn) end
  self.logger = function(unit) return log.logger(options.write, unit) end
  self.kinds = when_needed({}, KINDS, self)
  return when_needed(self, PARTS, self)
end

return env
