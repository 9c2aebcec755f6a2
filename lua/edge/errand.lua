-- Errand: a function of the script's that is called once, apart from everything else. It is the actor of a worker of
-- its own, which nobody supervises, and so may sleep and await as any worker does.

local apart = require "luvisor.edge.apart"
local fsm = require "luvisor.core.fsm"

local errand = {}

local FOREVER = 1e9 -- seconds

local machine = apart.machine {
  initial = "running",
  transitions = { running = { done = "returned", error = "failed" }, returned = fsm.OK, failed = fsm.ERROR },
}

-- Where the function has ended the actor waits to be killed, so that no one hears of a worker that came and went.
local function actor(fn, argument, tell)
  return function(self)
    tell(pcall(fn, self, argument))
    while true do self:sleep(FOREVER) end
  end
end

local function new_worker(owner, name, act)
  local worker = apart.new(owner.env, owner, act, { name = name, machine = machine, shutdown = "kill" })
  worker.generation, worker.phase = 1, "errand" -- no phase of a life: what it says of itself is dropped
  return worker
end

--- Calls fn(self, argument); done(ran, result, message) comes from the loop, ran is false after an error.
---@param owner table the unit that it is about
---@param name string what it is called in messages
---@param fn function
---@param argument any
---@param done fun(ran: boolean, result: any, message: any, count: integer)
---@param memory? integer bytes that it may take
---@return function cancel
function errand.start(owner, name, fn, argument, done, memory)
  local env, worker = owner.env, nil
  local function cancel()
    if worker then worker:kill() end
    worker = nil
  end
  local function finish(results)
    if not worker then return end
    cancel()
    done(results[1], results[2], results[3], results.n)
  end
  worker = new_worker(owner, name, actor(fn, argument, function(...) env.post(finish, table.pack(...)) end))
  worker:launch()
  if memory then env.task.bound(worker.task, memory) end
  return cancel
end

return errand
