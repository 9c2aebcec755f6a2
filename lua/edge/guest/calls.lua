-- Guest calls: what a host may ask of the units of a guest.

local lazy = require "luvisor.core.lazy"
local dynamic = lazy "luvisor.machine.supervisor.dynamic"
local inspection = require "luvisor.machine.worker.inspection"
local plain = lazy "luvisor.core.spec.plain"
local rolling = lazy "luvisor.machine.supervisor.rolling"
local spec = lazy "luvisor.core.spec"
local unit = require "luvisor.machine.unit"

local guest_calls = {}

local world -- of the guest

local function start_child(supervisor, what, reply)
  if supervisor.forward or supervisor.spec.strategy == "simple_one_for_one" then
    return dynamic.start_child(supervisor, what, reply)
  end
  local made, message, code = plain.spec(what, spec)
  if made then made, message, code = world.adopt(made, supervisor) end
  if not made then return reply(nil, message, code) end
  dynamic.start_child(supervisor, made, reply)
end

-- By name: fn(unit, what, reply, cause).
local CALLS = { start_child = start_child }

for _, name in ipairs { "terminate_child", "restart_child", "delete_child" } do
  CALLS[name] = function(...) return dynamic[name](...) end
end

function CALLS.rolling_restart(...) return rolling.run(...) end

function CALLS.restart(one, _, reply, cause)
  if one.home then return one:forward(one, "restart", nil, reply, cause) end -- kept in a guest of this one
  rolling.restart(one, reply, cause)
end

function CALLS.reload(one, _, reply) one:reload(reply) end

function CALLS.kill(one, _, reply)
  unit.ask_to_kill(one)
  reply(true)
end

function CALLS.signal(one, signal, reply)
  local run = one.run
  if not run or not run.child or run.exit then return reply(nil, "is not running", "NOT_RUNNING") end
  reply(run.child:signal(signal))
end

-- Plain values, of which a table is no unit.
local function as_values(reply)
  return function(...) reply { values = table.pack(...) } end
end

-- Those that are answered with plain values: fn(unit, what, reply) with a reply that takes them.
local ASKED = {}

for _, name in ipairs(inspection.names) do
  ASKED[name] = function(one, what, reply) reply(inspection[name](one, what)) end
end

function ASKED.replace_state(one, what, reply) reply(inspection.replace_state(one, world.code.unpack(what.code))) end
function ASKED.follow(_, told, reply) require "luvisor.edge.guest.change".run(world, told, reply) end
function ASKED.eval(one, code, reply) require "luvisor.edge.repl".inside(world, one, code, reply) end

function ASKED.said(one, what, reply)
  local said = require "luvisor.edge.said"
  if what.count then return reply(said.last(one, what.count)) end
  reply(said.news(one, what.stream, what.place))
end

local HERE = { start_child = true, terminate_child = true, restart_child = true, delete_child = true, kill = true,
  restart = true }

--- What replies to a call of the host's by its number, once `before(value)` has been called.
function guest_calls.reply(parent, id, before)
  return function(value, message, code)
    before(value)
    if type(value) == "table" and not value.values then value = { path = value:path() } end
    local ok, why, its_code = parent:send(table.pack("reply", id, value, message, code), true)
    if not ok then parent:send(table.pack("reply", id, nil, "the answer cannot be sent: " .. why, its_code), true) end
  end
end

--- Carries out a call, and replies; what is for a guest of this one goes on to it.
function guest_calls.run(env, reply, path, name, what, cause)
  world = env
  local target, message, code = world.tree:find(path)
  if not target then return reply(nil, message, code) end
  if ASKED[name] then reply = as_values(reply) end
  if target.forward and not HERE[name] then return target:forward(target, name, what, reply, cause) end
  if type(what) == "table" and what.path and name ~= "start_child" then
    local comes_back = what.comes_back
    what = world.tree:find(what.path)
    if what then what.comes_back = comes_back end
  end
  if name == "restart_child" and type(what) == "table" then world.mirrored(what) end -- which is said to be starting
  local fn = CALLS[name] or ASKED[name]
  fn(target, what, reply, cause)
end

return guest_calls
