-- Function probe: a Lua function of the script. It is the actor of a worker of its own, which nobody supervises, and so
-- may sleep and await as any worker does; true is a pass, and nil or false with a message is none.

local fsm = require "luvisor.core.fsm"
local instance = require "luvisor.machine.instance"
local past = require "luvisor.machine.past"
local unit = require "luvisor.machine.unit"

local probe_fn = {}

local FOREVER = 1e9 -- seconds

local machine = fsm {
  initial = "probing",
  transitions = { probing = { done = "passed", error = "failed" }, passed = fsm.OK, failed = fsm.ERROR },
}
machine.crashed = machine.states.failed
past.attach(machine)

local function nothing() end

-- Where the function has ended the actor waits to be killed, so that no one hears of a worker that came and went.
local function actor(fn, tell)
  return { fn = function(self)
    tell(pcall(fn, self))
    while true do self:sleep(FOREVER) end
  end }
end

local function new_worker(program, env, tell, probe)
  local definition = { actors = { probing = actor(probe.fn, tell) }, meta = instance.metatable() }
  local spec = { kind = "worker", name = "probe", definition = definition, machine = machine, shutdown = "kill" }
  local worker = unit.new(env.kinds.worker, env, spec, program)
  worker.generation, worker.phase = 1, "starting"
  worker.ready, worker.exited = nothing, nothing
  return worker
end

--- Begins; done(ok, message) is called from the loop.
---@param program table the unit
---@param probe table
---@param done fun(ok: boolean, message: string|nil)
---@return function cancel
function probe_fn.start(program, _, probe, done)
  local env, worker = program.env, nil
  local function cancel()
    if worker then worker:kill() end
    worker = nil
  end
  local function finish(ok, message)
    cancel()
    done(ok, message)
  end
  worker = new_worker(program, env, function(ran, result, message)
    if ran then
      env.post(finish, result and true or false, message or "returned " .. tostring(result))
    else
      env.post(finish, false, tostring(result))
    end
  end, probe)
  worker:launch()
  return cancel
end

return probe_fn
