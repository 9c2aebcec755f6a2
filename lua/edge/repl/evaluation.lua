-- Evaluation: runs one piece of code apart from every worker of the tree, with all that a worker can do: it may wait,
-- it is sliced when it does not, it has a limit of time and one of memory, and can be cancelled. To the machines it is
-- a worker that belongs to no supervisor; the tree and its log know nothing of it.

local apart = require "luvisor.edge.apart"
local fsm = require "luvisor.core.fsm"
local unit = require "luvisor.machine.unit"

local evaluation = {}

local CANCEL_AFTER = 0.001 -- a cancelled evaluation need not be asked twice

local machines = {} -- by the time limit

local function machine(limit)
  machines[limit] = machines[limit] or apart.machine {
    initial = "entered",
    transitions = {
      entered = { run = "running" }, running = { complete = "over", error = "failed" },
      over = fsm.OK, failed = fsm.ERROR,
    },
    timeouts = { state = { running = limit } },
  }
  return machines[limit]
end

-- What takes a supervisor's place: one that is told of the end and has no opinion.
local Owner = { __index = {} }

function Owner.__index.child_ready() end

function Owner.__index:child_ended(_, why)
  self.done(why)
end

Owner.__index.child_stopped = Owner.__index.child_ended

-- nothing that happens to an evaluation is told to anybody
local function quiet(env)
  return setmetatable({ log = function() end, logs = {}, watched = {}, emit = function() end }, { __index = env })
end

--- Runs fn(self), `self` being a worker's, and then done(exit): of kind normal, or error, timeout, killed ...
---@param env table the machines'
---@param limit number seconds
---@param memory integer bytes that it may take
---@param fn fun(self: table)
---@param done fun(why: luvisor.Exit)
---@return table running for evaluation.cancel
function evaluation.run(env, limit, memory, fn, done)
  local function actor(self)
    fn(self)
    return "complete"
  end
  local spec = { name = "repl", machine = machine(limit), shutdown = CANCEL_AFTER }
  local running = apart.new(quiet(env), setmetatable({ done = done }, Owner), actor, spec)
  unit.start(running)
  env.task.bound(running.task, memory)
  return running
end

--- Ends it: raised once where it runs, then by force.
function evaluation.cancel(running)
  unit.ask_to_stop(running)
end

return evaluation
