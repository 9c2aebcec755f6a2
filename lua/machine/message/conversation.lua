-- Conversation: what a worker says and hears, as methods of its `self`.

local lazy = require "luvisor.core.lazy"
local bonds = lazy "luvisor.machine.message.bonds"
local commons = lazy "luvisor.machine.message.commons"
local exchange = require "luvisor.machine.message.exchange"
local handle = require "luvisor.machine.handle"
local instance = require "luvisor.machine.instance"
local job = lazy "luvisor.machine.job"
local mailbox = require "luvisor.machine.message.mailbox"
local match = lazy "luvisor.core.match"

local methods = {}

local unpack = table.unpack

local function env_of(self)
  return self._unit.env
end

-- What a generation that has ended still has to say, as from a callback, is none of the next one's business.
local function drop(env) env.dropped = (env.dropped or 0) + 1 end

-- ---- to others

--- Sends a message, for the receive of another worker: true, or nil, message, CODE (EAGAIN: its mailbox is full;
--- DOWN: it does not run; EINVAL: a value that cannot be sent).
function methods.send(self, target, ...)
  self._sent = (self._sent or 0) + 1
  return exchange.send(env_of(self), target, ...)
end

--- Has another worker's handler called, without waiting for it.
function methods.cast(self, target, name, ...)
  self._sent = (self._sent or 0) + 1
  return exchange.cast(env_of(self), target, name, ...)
end

--- Has another worker's handler called: what it returned, or nil, message, CODE. { target, timeout = s } gives it a
--- time of its own.
function methods.call(self, target, name, ...)
  local unit = self._unit
  self._sent = (self._sent or 0) + 1
  return exchange.call(unit.env, unit, target, name, ...)
end

--- Sends a message so many seconds from now; the timer's cancel() calls it off.
function methods.send_after(self, seconds, target, ...)
  return exchange.send_after(env_of(self), seconds, target, ...)
end

-- ---- to itself

local function results(out, fn)
  if fn then return fn(unpack(out, 1, out.n)) end
  return unpack(out, 1, out.n)
end

local function serve(self, env, box)
  local _ <close> = box -- what fails is told to who waits for it
  return env.mail.serve(self)
end

--- The first message that the pattern matches (see luvisor.match), any without one. Waits as long as it takes, or for
--- `timeout` seconds; requests are served meanwhile. Else nil, message, CODE: ETIMEDOUT; ECANCELED when a stop comes,
--- or has come before a receive without a timeout; EINTR when a request that was served led to an event.
function methods.receive(self, pattern, timeout)
  local unit = self._unit
  local env, box = unit.env, mailbox.of(unit)
  local function test(letter) return match.test(pattern, letter) end
  local limit, from = timeout and env.now() + timeout, 1
  while true do
    local out, more = mailbox.take(box, from, test)
    if out then return results(out, more) end
    from = box.plain_first > box.plain_last and 1 or more
    if mailbox.has_requests(box) then
      local event = serve(self, env, box)
      if event ~= "keepalive" then
        mailbox.set_due(unit, box, event)
        return nil, "the event " .. tostring(event) .. " is due", "EINTR"
      end
    else
      if unit.stopping and not limit then return nil, "stopping", "ECANCELED" end
      local ok, message, code = env.task.receive(limit and math.max(limit - env.now(), 0))
      if not ok then return nil, message, code end
    end
  end
end

--- In a handler: the event that the worker takes after it.
function methods.event(self, name)
  local unit = self._unit
  if unit.instance ~= self then return drop(unit.env) end
  mailbox.set_event(unit, mailbox.of(unit), name)
end

--- In the handler of a call: the answer comes later. Returns what self:reply wants; the handler's results are ignored.
function methods.defer(self)
  local letter = mailbox.defer(mailbox.of(self._unit))
  if not letter then error("defer: only in the handler of a call", 2) end
  return letter
end

--- Answers a call that was deferred; false when it has its answer.
function methods.reply(self, deferred, ...)
  local unit = self._unit
  return mailbox.answer_deferred(unit, mailbox.of(unit), deferred, ...)
end

--- Takes an event when the worker is still in its present state so many seconds from now; without an event, sets the
--- longest stay in this state, after which the worker fails. Without seconds, neither.
function methods.state_timeout(self, seconds, event)
  local unit = self._unit
  if unit.instance ~= self then return drop(unit.env) end
  mailbox.cancel_state_timeout(unit)
  if event then return mailbox.set_state_timeout(unit, seconds, event) end
  unit.env.task.limit(unit.task, "state", seconds)
end

-- ---- the ends of others

local function other(self, what, target)
  local found, message = exchange.find(env_of(self), target)
  if not found then error(("%s: %s"):format(what, message), 3) end
  return found
end

--- Has the message "down", reference, unit, exit sent when the unit ends, or now if it does not run.
---@return integer reference
function methods.monitor(self, target)
  local reference, message = bonds.monitor(self._unit, other(self, "monitor", target))
  return reference or error("monitor: " .. message, 2)
end

--- Ends that.
function methods.demonitor(self, reference)
  bonds.demonitor(self._unit, reference)
end

--- Ends together with another unit, unless that ends well.
function methods.link(self, target)
  local ok, message = bonds.link(self._unit, other(self, "link", target))
  return ok or error("link: " .. message, 2)
end

function methods.unlink(self, target)
  return bonds.unlink(self._unit, other(self, "unlink", target))
end

--- Has ends of linked units sent as messages "exit", unit, exit.
function methods.trap(self, on)
  bonds.trap(self._unit, on ~= false)
end

-- ---- tasks

local CALLABLE = { ["function"] = true, string = true, table = true }

local function check_callable(what, name)
  if CALLABLE[type(what)] then return end
  error(("%s: expected a function or the name of a module, got %s"):format(name, type(what)), 3)
end

--- Runs fn(its, ...) on a worker of its own that ends with this one: a task, whose join() waits for what fn returns.
--- `fn` may be the name of a module that returns the function; { fn, executor = "thread" } says where.
function methods.task(self, fn, ...)
  check_callable(fn, "task")
  return job.start(self._unit, fn, {}, ...)
end

--- The same; the message "task", the task's id, whether it ended well, and its results, comes when it has ended.
function methods.notify_task(self, fn, ...)
  check_callable(fn, "notify_task")
  return job.start(self._unit, fn, { notify = true }, ...)
end

--- Runs fn(self, item) for each item of a list, `concurrency` (8) at a time: for index, result in self:stream(...).
function methods.stream(self, list, fn, options)
  return job.stream(self._unit, list, fn, options or {})
end

-- ---- names

--- Gives this worker a name, until it ends.
function methods.register(self, name)
  return commons.ask(env_of(self), "register", self._unit, name)
end

--- Takes part in a topic, until it ends.
function methods.join(self, topic)
  return commons.ask(env_of(self), "join", self._unit, topic)
end

function methods.leave(self, topic)
  return commons.ask(env_of(self), "leave", self._unit, topic)
end

--- Sends a message to all members of a topic; how many have it.
function methods.publish(self, topic, ...)
  return commons.ask(env_of(self), "publish", self._unit, topic, ...)
end

for name, fn in pairs(methods) do instance.add_method(name, fn) end

-- From the first call or cast on they go the short way if they can.
for _, name in ipairs { "call", "cast" } do
  local long_way = methods[name]
  instance.add_method(name, function(self, ...)
    instance.add_method(name, env_of(self).mail.method(name, long_way))
    return long_way(self, ...)
  end)
end
instance.add_getter("unit", function(unit) return handle.of(unit) end)

return methods
