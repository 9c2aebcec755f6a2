-- Messages: what scripts, subscribers and workers say to units by luvisor.call and its like.

local commons = require "luvisor.machine.message.commons"
local exchange = require "luvisor.machine.message.exchange"
local job = require "luvisor.core.lazy" "luvisor.machine.job"
local mailbox = require "luvisor.machine.message.mailbox"
local match = require "luvisor.core.match"
local runtime_task = require "host.task"
local script = require "luvisor.edge.script"
local unit = require "luvisor.machine.unit"

local messages = { match = match, ANY = match.ANY, IGNORE = match.IGNORE, postpone = mailbox.POSTPONE }

local function env(what)
  local found = script.env()
  if not found then error(("luvisor.%s: no tree runs"):format(what), 3) end
  return found
end

--- Calls a worker's handler: what it returned, or nil, message, CODE; see self:call. Where nothing can wait (a
--- subscriber, the script itself) the last argument is a function, which is called with that.
function messages.call(target, name, ...)
  local count = select("#", ...)
  local last = count > 0 and select(count, ...)
  if type(last) == "function" then
    local row = table.pack(...)
    return exchange.ask(env "call", last, target, name, table.unpack(row, 1, count - 1))
  end
  local caller = runtime_task.current() and runtime_task.object()
  if not caller then
    error("luvisor.call: this place cannot wait: give a function for the answer as the last argument", 2)
  end
  return exchange.call(env "call", caller._unit, target, name, ...)
end

--- Runs a function, or that of a module, on a worker of its own: see self:task. It belongs to the worker that calls
--- this, elsewhere to the root; if the last argument is a function, that is called with what join would return.
function messages.task(what, ...)
  local world, caller = env "task", runtime_task.object()
  local owner = caller and caller._unit or world.tree.root
  if not unit.is_alive(owner) then return nil, owner:path() .. " is not running", "NOT_RUNNING" end
  local count = select("#", ...)
  local last = count > 0 and select(count, ...)
  if type(last) ~= "function" then return job.start(owner, what, {}, ...) end
  local row = table.pack(...)
  return job.start(owner, what, { answer = last }, table.unpack(row, 1, count - 1))
end

--- Has a worker's handler called, without waiting.
function messages.cast(target, name, ...)
  return exchange.cast(env "cast", target, name, ...)
end

--- Sends a message to a worker.
function messages.send(target, ...)
  return exchange.send(env "send", target, ...)
end

--- Sends a message so many seconds from now; the timer's cancel() calls it off.
function messages.send_after(seconds, target, ...)
  return exchange.send_after(env "send_after", seconds, target, ...)
end

--- Sends a message to all members of a topic: how many have it.
function messages.publish(topic, ...)
  return commons.ask(env "publish", "publish", nil, topic, ...)
end

--- The unit of a registered name, or nil.
function messages.whereis(name)
  return commons.ask(env "whereis", "whereis", nil, name)
end

--- All registered names, sorted.
function messages.registered()
  return commons.ask(env "registered", "registered")
end

--- The units of a topic, in the order in which they joined.
function messages.members(topic)
  return commons.ask(env "members", "members", nil, topic)
end

--- Takes a registered name away from whoever has it; false when nobody has.
function messages.unregister(name)
  return commons.ask(env "unregister", "unregister", nil, name)
end

return messages
