-- Exchange: finds whom a message is for and hands it over. An address is a handle, a registered name, a path, or an
-- unambiguous last part of one. What is not found here may be somewhere else: env.outside(address) can say so.

local handle = require "luvisor.machine.handle"
local mailbox = require "luvisor.machine.message.mailbox"

local CACHED = 1000    -- addresses remembered
local CALL_TIMEOUT = 5 -- seconds, where nobody says otherwise

local exchange = {}

-- Looking a name up walks the tree, so what was found is remembered until units of new names come.
local function find_text(env, address)
  local registered = env.registry and env.registry:whereis(address)
  if registered then return registered end
  local cache = env.addresses
  if not cache or cache.version ~= env.version or cache.count > CACHED then
    cache = { version = env.version, count = 0 }
    env.addresses = cache
  end
  local known = cache[address]
  if known then return known end
  if not env.tree then return nil, "no tree runs", "NOT_RUNNING" end
  local found, message, code = env.tree:find(address)
  if found then
    cache[address], cache.count = found, cache.count + 1
    return found
  end
  local elsewhere = env.outside and env.outside(address)
  if elsewhere then return elsewhere end
  return nil, message, code
end

--- The unit of an address, or nil, message, CODE.
function exchange.find(env, address)
  if type(address) == "string" then return find_text(env, address) end
  if handle.is(address) then
    local unit = handle.pooled(address)
    if unit then return unit end
    return find_text(env, address.path)
  end
  return nil, ("expected a unit, a name or a path, got %s"):format(type(address)), "EINVAL"
end

local function hand_over(unit, letter)
  local deliver = unit.deliver
  if deliver then return deliver(unit, letter) end
  return nil, ("%s is a %s, which takes no messages"):format(unit:path(), unit.spec.kind), "EINVAL"
end

-- From now on requests to the address go the short way, see host.mailbox.
local function remember(env, address, unit)
  local instance, settings = unit.instance, env.settings
  local timeout = settings and settings.call_timeout or CALL_TIMEOUT
  local queue = instance and rawget(instance, "_queue")
  if queue then
    env.mail.route(address, queue, timeout)
  elseif unit.route then
    unit:route(address, timeout)
  end
end

--- Hands a letter over: true, or nil, message, CODE and the exit of what is down.
function exchange.deliver(env, address, letter)
  local unit, message, code = exchange.find(env, address)
  if not unit then return nil, message, code end
  return hand_over(unit, letter)
end

--- The same for what has come from elsewhere: the next request may go the short way.
function exchange.pass_on(env, address, letter)
  local unit, message, code = exchange.find(env, address)
  if not unit then return nil, message, code end
  local ok, why
  ok, message, code, why = hand_over(unit, letter)
  if ok and letter.kind then remember(env, address, unit) end
  return ok, message, code, why
end

--- A message.
function exchange.send(env, address, ...)
  local letter, message, code = env.codec.copy(...)
  if not letter then return nil, message, code end
  return exchange.deliver(env, address, letter)
end

--- A request without an answer.
function exchange.cast(env, address, name, ...)
  local letter, message, code = env.codec.letter("cast", name, ...)
  if not letter then return nil, message, code end
  local unit
  unit, message, code = exchange.find(env, address)
  if not unit then return nil, message, code end
  if unit.instance then remember(env, address, unit) end
  return hand_over(unit, letter)
end

-- { address, timeout = s } gives a call a time of its own
local function parse(env, address)
  if type(address) == "table" and not handle.is(address) and address[1] ~= nil then
    return address[1], address.timeout or CALL_TIMEOUT
  end
  return address, env.settings and env.settings.call_timeout or CALL_TIMEOUT
end

--- A request, from a worker that waits for the answer: what the handler returned, or nil, message, CODE: ETIMEDOUT,
--- ECANCELED when a stop comes first, DOWN (and the exit) when the unit ends or has ended.
---@param caller? table the unit that calls
function exchange.call(env, caller, address, name, ...)
  local target, timeout = parse(env, address)
  local unit, message, code = exchange.find(env, target)
  if not unit then return nil, message, code end
  if unit == caller then return nil, "a worker that calls itself would wait forever", "EDEADLK" end
  local letter
  letter, message, code = env.codec.letter("call", name, ...)
  if not letter then return nil, message, code end
  local task = env.task
  letter.task, letter.number = task.current()
  if not letter.task then error("call: this place cannot wait", 3) end
  local ok, reason, its_code, why = hand_over(unit, letter)
  if not ok then return nil, reason, its_code, why end
  if target == address then remember(env, address, unit) end
  return task.park(timeout, true)
end

--- A request from a place that cannot wait: answered(...) is called once, with the same.
function exchange.ask(env, answered, address, name, ...)
  local target, timeout = parse(env, address)
  local letter, message, code = env.codec.letter("call", name, ...)
  if not letter then return nil, message, code end
  local timer
  local function answer(...)
    if not timer then return end -- answered already
    env.cancel(timer)
    timer = nil
    local row = table.pack(...)
    env.post(function() answered(table.unpack(row, 1, row.n)) end)
  end
  letter.answer = answer
  timer = env.after(timeout, function() answer(nil, "timeout", "ETIMEDOUT") end)
  local ok, reason, its_code, why = exchange.deliver(env, target, letter)
  if not ok then answer(nil, reason, its_code, why) end
  return true
end

-- ---- later

local Timer = { __name = "luvisor.timer" }
Timer.__index = Timer

--- Calls it off: whether it had not gone off yet.
function Timer:cancel()
  local pending = self.timer ~= nil
  if pending then self.env.cancel(self.timer) end
  self.timer = nil
  return pending
end

local function due(self, letter)
  self.timer = nil
  exchange.deliver(self.env, self.address, letter)
end

--- A message that is delivered so many seconds from now, copied now; what cannot be delivered then is dropped.
function exchange.send_after(env, seconds, address, ...)
  local letter, message, code = env.codec.copy(...)
  if not letter then return nil, message, code end
  local self = setmetatable({ env = env, address = address }, Timer)
  self.timer = env.after(seconds, due, self, letter)
  return self
end

--- A message to all members of a topic: how many have taken it; nil, message, CODE when it cannot be sent.
function exchange.publish(env, topic, ...)
  local taken = 0
  for _, unit in ipairs(env.registry:members(topic)) do
    local letter, message, code = env.codec.copy(...)
    if not letter then return nil, message, code end
    if unit:deliver(letter) then taken = taken + 1 end
  end
  return taken
end

--- What the host itself tells a worker; never refused for want of room.
function exchange.tell(unit, ...)
  mailbox.deliver(unit, { kind = "info", n = select("#", ...), ... })
end

return exchange
