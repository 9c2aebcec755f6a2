-- Commons: what all runtimes of a tree have in common: registered names, topics, monitors, links. The host knows who
-- has what; a guest asks it, and its worker waits for the answer. So what one was told holds for whoever hears of it.

local bonds = require "luvisor.core.lazy" "luvisor.machine.message.bonds"
local exchange = require "luvisor.machine.message.exchange"
local handle = require "luvisor.machine.handle"
local mirror = require "luvisor.machine.remote.mirror"

local commons = {}

-- fn(env, unit, ...), with the unit of the worker that asks
local operations = {}

function operations.register(env, unit, name) return env.registry:register(name, unit) end
function operations.unregister(env, _, name) return env.registry:unregister(name) end
function operations.registered(env) return env.registry:registered() end
function operations.join(env, unit, topic) return env.registry:join(topic, unit) end
function operations.leave(env, unit, topic) return env.registry:leave(topic, unit) end
function operations.publish(env, _, topic, ...) return exchange.publish(env, topic, ...) end

function operations.whereis(env, _, name)
  local unit = env.registry:whereis(name)
  return unit and handle.of(unit)
end

function operations.find(env, _, path)
  local unit, message, code = env.tree:find(path)
  if not unit then return nil, message, code end
  return handle.of(unit)
end

function operations.members(env, _, topic)
  local list = env.registry:members(topic)
  for i, unit in ipairs(list) do list[i] = handle.of(unit) end
  return list
end

function operations.demonitor(_, unit, reference) return bonds.unwatch(unit, reference) end

function operations.monitor(env, unit, reference, address)
  local other, message, code = exchange.find(env, address)
  if not other then return nil, message, code end
  bonds.watch(unit, reference, other)
  return true
end

for _, name in ipairs { "link", "unlink" } do
  operations[name] = function(env, unit, address)
    local other, message, code = exchange.find(env, address)
    if not other then return nil, message, code end
    return bonds[name](unit, other)
  end
end

--- Carries out an operation, here or where that is known: what it returns, or nil, message, CODE.
---@param unit? table of the worker that asks
function commons.ask(env, operation, unit, ...)
  if env.inquiry then return env.inquiry:ask(operation, unit, ...) end
  return operations[operation](env, unit, ...)
end

--- Carries out what a guest asks; a guest passes on what its own guests ask.
---@param home table the unit that has the guest
---@param reply fun(...)
---@param path string|false of the unit that asks
function commons.serve(home, reply, operation, path, ...)
  local env = home.env
  if env.inquiry then
    local ok, message, code = env.inquiry:pass(reply, operation, path, ...)
    return ok or reply(nil, message, code)
  end
  local unit = path and mirror.find(home, path)
  if path and not unit then
    return reply(nil, path .. " is not known outside of its runtime", "UNSUPPORTED")
  end
  reply(operations[operation](env, unit, ...))
end

--- The same for a frame of the guest's, which is answered by one.
function commons.answer(home, run, id, ...)
  commons.serve(home, function(...) run.guest:send(table.pack("told", id, ...), true) end, ...)
end

return commons
