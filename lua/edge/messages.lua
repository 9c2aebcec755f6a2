-- Messages: what scripts, subscribers and workers say to units by luvisor.call and its like.

local exchange = require "luvisor.machine.exchange"
local mailbox = require "luvisor.machine.mailbox"
local match = require "luvisor.core.match"
local runtime_task = require "host.task"
local script = require "luvisor.edge.script"

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
  if not runtime_task.current() then
    error("luvisor.call: this place cannot wait: give a function for the answer as the last argument", 2)
  end
  return exchange.call(env "call", target, name, ...)
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
  return exchange.publish(env "publish", topic, ...)
end

--- The unit of a registered name, or nil.
function messages.whereis(name)
  return exchange.whereis(env "whereis", name)
end

--- All registered names, sorted.
function messages.registered()
  return env "registered".registry:registered()
end

--- The units of a topic, in the order in which they joined.
function messages.members(topic)
  return exchange.members(env "members", topic)
end

--- Takes a registered name away from whoever has it; false when nobody has.
function messages.unregister(name)
  return env "unregister".registry:unregister(name)
end

return messages
