-- Env: what the machines get injected when they run for real: clock, scheduler, programs, log and events.

local handle = require "luvisor.machine.handle"
local log = require "luvisor.edge.log"
local memory = require "luvisor.edge.memory"
local notifications = require "luvisor.edge.notifications"
local pipes = require "luvisor.edge.pipes"
local probes = require "luvisor.edge.probes"
local process = require "host.process"
local runtime = require "host.runtime"
local task = require "host.task"

local env = {}

local function dispatch(self, kind, event)
  for _, fn in ipairs(self.subscribers[kind] or {}) do
    local ok, message = xpcall(fn, debug.traceback, event)
    if not ok then self.log("error", event.unit, "subscriber of %s: %s", kind, message) end
  end
end

local function emitter(self)
  return function(kind, unit, event)
    event.kind, event.unit, event.at, event.handle = kind, unit:path(), runtime.now(), handle.of(unit)
    runtime.post(dispatch, self, kind, event)
  end
end

local function watcher(self)
  return function(kind)
    self.watched[kind] = true
    if kind == "heartbeat" then task.watch_beats(true) end
  end
end

--- Lets the machines of the kinds be made by whoever needs them.
local function add_kinds(self)
  self.kinds = {
    supervisor = require "luvisor.machine.supervisor",
    worker = require "luvisor.machine.worker"(self),
    program = require "luvisor.machine.program",
  }
end

---@param options { write: function, enabled: table<string, boolean>, sockets?: table } of the log; edge.sockets
---@return table env
function env.new(options)
  local self = {
    now = runtime.now, after = runtime.after, deadline = runtime.deadline, cancel = runtime.cancel,
    post = runtime.post, random = math.random, task = task, process = process,
    probes = probes, pipes = pipes, notifications = notifications.new(options.write), memory = memory.of,
    sockets = options.sockets, log = options.write, logs = options.enabled, watched = {}, subscribers = {},
  }
  self.emit, self.watch = emitter(self), watcher(self)
  self.logger = function(unit) return log.logger(options.write, unit) end
  add_kinds(self)
  return self
end

return env
