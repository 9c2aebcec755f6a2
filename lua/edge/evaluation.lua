-- Evaluation: runs one piece of code apart from every worker of the tree, with all that a worker can do: it may wait,
-- it is sliced when it does not, it has a time limit and can be cancelled. To the machines it is a worker that belongs
-- to no supervisor; the tree and its log know nothing of it.

local fsm = require "luvisor.core.fsm"
local loader = require "luvisor.edge.loader"
local specs = require "luvisor.core.spec"
local unit = require "luvisor.machine.unit"
local worker = require "luvisor.worker"

local evaluation = {}

local CANCEL_AFTER = 0.001 -- a cancelled evaluation need not be asked twice

local machines = {} -- by the time limit

local function machine(limit)
  machines[limit] = machines[limit] or fsm {
    initial = "entered",
    transitions = {
      entered = { run = "running" }, running = { complete = "over", error = "failed" },
      over = fsm.OK, failed = fsm.ERROR,
    },
    timeouts = { state = { running = limit } },
  }
  return machines[limit]
end

local definition = worker.define()

definition:actor("running", function(self)
  self.args.run(self)
  return "complete"
end)

-- What takes a supervisor's place: one that is told of the end and has no opinion.
local Owner = { __index = {} }

function Owner.__index.child_ready() end

function Owner.__index:child_ended(_, why)
  self.done(why)
end

Owner.__index.child_stopped = Owner.__index.child_ended

local function spec_of(limit, fn)
  local described = assert(specs.worker {
    name = "repl", module = definition, fsm = machine(limit), args = { run = fn }, restart = "temporary",
    shutdown = CANCEL_AFTER,
  })
  local apart = assert(specs.supervisor { name = "apart", children = { described } })
  local root, settings = assert(specs.resolve(apart, {}, {}))
  assert(loader.prepare(root, settings))
  root.children[1].internal = true
  return root.children[1]
end

-- nothing that happens to an evaluation is told to anybody
local function quiet(env)
  return setmetatable({ log = function() end, logs = {}, watched = {}, emit = function() end }, { __index = env })
end

--- Runs fn(self), `self` being a worker's, and then done(exit): of kind normal, or error, timeout, killed ...
---@param env table the machines'
---@param limit number seconds
---@param fn fun(self: table)
---@param done fun(why: luvisor.Exit)
---@return table running for evaluation.cancel
function evaluation.run(env, limit, fn, done)
  local running = unit.new(env.kinds.worker, quiet(env), spec_of(limit, fn), setmetatable({ done = done }, Owner))
  unit.start(running)
  return running
end

--- Ends it: raised once where it runs, then by force.
function evaluation.cancel(running)
  unit.ask_to_stop(running)
end

return evaluation
