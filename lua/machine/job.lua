-- Job: a function that runs once, on a coroutine of its own, for a worker that wants its result. A job is a unit with
-- a machine of two steps that belongs to its owner instead of a supervisor: nobody restarts it, and it ends with its
-- owner.

local ends = require "luvisor.machine.ends"
local exchange = require "luvisor.machine.exchange"
local fsm = require "luvisor.core.fsm"
local instance = require "luvisor.machine.instance"
local past = require "luvisor.machine.past"
local unit = require "luvisor.machine.unit"

local SHUTDOWN = 5

local Job = { __name = "luvisor.task" }
Job.__index = Job

local job = {}

local machine -- made when the first job is
local definition = { actors = {}, meta = instance.metatable() }
local last = 0

local jobs = setmetatable({}, { __mode = "k" }) -- unit -> job

definition.actors.running = { fn = function(self)
  local mine = jobs[self._unit]
  local results = table.pack(mine.fn(self, table.unpack(mine.arguments, 1, mine.arguments.n)))
  local copies, message = self._unit.env.codec.copy(table.unpack(results, 1, results.n))
  if not copies then error("result of a task: " .. message, 0) end
  mine.results = copies
  return "complete"
end }

local function make_machine()
  machine = fsm { initial = "running", transitions = {
    running = { complete = "done", error = "failed" }, done = fsm.OK, failed = fsm.ERROR } }
  machine.crashed = machine.states.failed
  past.attach(machine)
end

-- ---- the end of one

local function outcome(self)
  if self.results then return table.unpack(self.results, 1, self.results.n) end
  return nil, ("%s has ended: %s"):format(self.unit:path(), tostring(self.exit)), "FAILED", self.exit
end

local function conclude(self, why)
  local env, owner = self.unit.env, self.owner
  self.exit = why
  if why.kind ~= "normal" then self.results = nil end
  if self.watch then ends.remove(env.ends, self.watch) end
  for _, waiter in ipairs(self.waiters) do env.task.wake(waiter.task, waiter.number, outcome(self)) end
  if self.notify and owner.generation == self.generation and owner.instance then
    exchange.tell(owner, "task", self.id, self.results ~= nil, outcome(self))
  end
end

-- What a unit expects of its parent.
local Group = {}
Group.__index = Group

function Group.child_ready() end
function Group.child_due() end
function Group.child_ended(_, child, why) conclude(jobs[child], why) end
Group.child_stopped = Group.child_ended

-- ---- for whoever has one

--- Waits for the result: what the function returned, or nil, message, CODE: FAILED (and the exit), ETIMEDOUT,
--- ECANCELED.
---@param timeout? number seconds
function Job:join(timeout)
  if self.exit then return outcome(self) end
  local task = self.unit.env.task
  local id, number = task.current()
  if not id then error("join: this place cannot wait", 2) end
  self.waiters[#self.waiters + 1] = { task = id, number = number }
  return task.park(timeout, true)
end

--- Ends it, if it still runs.
function Job:stop()
  if not self.exit then unit.ask_to_stop(self.unit) end
end

function Job:is_alive()
  return self.exit == nil
end

-- ---- making

--- Starts a job of an owner, a unit of this runtime: fn(self, ...) on a worker of its own.
---@param owner table unit
---@param fn function
---@param options { notify?: boolean } notify: the owner gets the message "task", id, ok, results...
---@return table|nil job
---@return string? message
---@return string? code
function job.start(owner, fn, options, ...)
  local env = owner.env
  local arguments, message, code = env.codec.copy(...)
  if not arguments then return nil, message, code end
  if not machine then make_machine() end
  last = last + 1
  local group = setmetatable({ name = owner.name, spec = owner.spec, parent = owner.parent, env = env }, Group)
  local spec = { kind = "worker", name = "task:" .. last, definition = definition, machine = machine,
    restart_name = "temporary", shutdown = SHUTDOWN, executor = "coroutine" }
  local self = setmetatable({ id = last, fn = fn, arguments = arguments, owner = owner, waiters = {},
    generation = owner.generation, notify = options.notify }, Job)
  self.unit = unit.new(env.kinds.worker, env, spec, group)
  jobs[self.unit] = self
  self.watch = ends.add(env.ends, owner, function()
    self.watch = nil
    unit.ask_to_kill(self.unit)
  end)
  unit.start(self.unit)
  return self
end

-- ---- many

local function fill(stream)
  while stream.started < #stream.list and stream.started - stream.taken < stream.concurrency do
    stream.started = stream.started + 1
    local index = stream.started
    local started, message, code = job.start(stream.owner, stream.fn, {}, stream.list[index])
    stream.jobs[index] = started or { join = function() return nil, message, code end, stop = function() end }
  end
end

--- Runs fn(self, item) for each item of a list, so many at a time; an iterator of index, results... in the list's
--- order.
---@param options { concurrency?: integer, timeout?: number } timeout: for waiting for each; one that is late is ended
function job.stream(owner, list, fn, options)
  local stream = { owner = owner, list = list, fn = fn, started = 0, taken = 0, jobs = {},
    concurrency = options.concurrency or 8 }
  local function give(index, one, ...)
    stream.taken = index
    one:stop()
    stream.jobs[index] = nil
    return index, ...
  end
  return function(_, index)
    fill(stream)
    local one = stream.jobs[index + 1]
    if one then return give(index + 1, one, one:join(options.timeout)) end
  end, nil, 0
end

return job
