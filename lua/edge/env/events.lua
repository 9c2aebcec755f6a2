-- Events: how an env tells of what happens, and who listens.

local lazy = require "luvisor.core.lazy"
local explanation = lazy "luvisor.edge.load.explanation"
local handle = lazy "luvisor.machine.handle"
local runtime = require "host.runtime"
local task = require "host.task"

local events = {}

local function dispatch(self, kind, event)
  for _, fn in ipairs(self.subscribers[kind] or {}) do
    local ok, message = xpcall(fn, explanation.explain, event)
    if not ok then self.log("error", event.unit, "subscriber of %s: %s", kind, message) end
  end
end

--- emit(kind, unit, event) of an env.
function events.emitter(self)
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

--- subscribe(kind, fn) of an env.
function events.subscriber(self)
  return function(kind, fn) return subscribe(self, kind, fn) end
end

--- watch(kind) of an env: has events of a kind told.
function events.watcher(self)
  return function(kind)
    self.watched[kind] = true
    if kind == "heartbeat" then task.watch_beats(true) end
  end
end

return events
