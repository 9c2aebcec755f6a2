-- Job: a function that runs once, on a coroutine of its own, for a worker that wants its result. A job is a unit with
-- a machine of two steps that belongs to its owner instead of a supervisor: nobody restarts it, and it ends with its
-- owner. On another executor it is a worker of its own runtime (edge/chore.lua), which is told what to call and sends
-- back what that returned.

local ends = require "luvisor.machine.supervisor.ends"
local exchange = require "luvisor.machine.message.exchange"
local fsm = require "luvisor.core.fsm"
local instance = require "luvisor.machine.instance"
local past = require "luvisor.machine.worker.past"
local spec = require "luvisor.core.spec"
local unit = require "luvisor.machine.unit"

local SHUTDOWN = 5
local CHORE = "luvisor.edge.chore" -- what a runtime of its own runs for a job

local Job = { __name = "luvisor.task" }
Job.__index = Job

local job = {}

local machine -- made when the first job is
local definition = { actors = {}, meta = instance.meta }
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
  if self.answer then env.post(function() self.answer(outcome(self)) end) end
  for _, waiter in ipairs(self.waiters) do env.task.wake(waiter.task, waiter.number, outcome(self)) end
  if self.notify and owner.generation == self.generation and owner.instance then
    exchange.tell(owner, "task", self.id, self.results ~= nil, outcome(self))
  end
end

-- What a unit expects of its parent.
local Group = {}
Group.__index = Group
Group.path = unit.path

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

-- The kind of unit and the spec of a job that runs here.
local function at_home(self, what, options)
  for key in pairs(options) do
    if key ~= "executor" then return nil, ('task: %s: needs an executor of its own'):format(tostring(key)), "EINVAL" end
  end
  local env = self.owner.env
  local fn, message = what, nil
  if type(what) == "string" then fn, message = env.code.of_module(what) end
  if not fn then return nil, "task: " .. message, "EINVAL" end
  if not machine then make_machine() end
  self.fn = fn
  return env.kinds.worker, { kind = "worker", name = "task", definition = definition, machine = machine,
    restart_name = "temporary", shutdown = SHUTDOWN, executor = "coroutine" }
end

-- The same of one that runs elsewhere: a worker of its own runtime, which is told what to call.
local function away(self, what, options, group)
  local env = self.owner.env
  local keys = { name = "task", module = CHORE, ready = "running", restart = "temporary" }
  for key, value in pairs(options) do keys[key] = value end
  local code, made, message, problem
  if type(what) == "function" then
    code, message = env.code.pack(what)
    if not code then return nil, "task: " .. message, "EINVAL" end
  end
  made, message, problem = spec.worker(keys)
  if made then made, message, problem = env.adopt(made, group) end
  if not made then return nil, message, problem end
  self.extra = { code = code, module = not code and what or nil }
  return env.kinds.remote, made
end

-- { what, executor = "thread", memory = ... } says where it runs; a string is the name of a module.
local function parse(what)
  if type(what) ~= "table" then return what, {} end
  local options = {}
  for key, value in pairs(what) do options[key] = value end
  options[1] = nil
  return what[1], options
end

local function group_of(owner)
  return setmetatable({ name = owner.name, parent = owner.parent, env = owner.env,
    spec = { kind = "supervisor", name = owner.name, path = owner:path(), strategy = "one_for_one",
      auto_shutdown = "never" } }, Group)
end

local function send_along(self, row)
  self.extra.row = row
  self.unit.extra = self.extra
  self.unit.take_result = function(bytes) self.results = self.owner.env.codec.decode(bytes) end
end

--- Starts a job of an owner, a unit of this runtime: fn(self, ...) on a worker of its own.
---@param owner table unit
---@param what function|string|table the function, the name of a module that returns it, or { either, executor = ... }
---@param options { notify?: boolean, answer?: function } notify: the owner gets the message "task", id, ok, results...;
---  answer: called with what join returns
---@return table|nil job
---@return string? message
---@return string? code
function job.start(owner, what, options, ...)
  local env = owner.env
  local fn, keys = parse(what)
  if type(fn) ~= "function" and type(fn) ~= "string" then
    return nil, "task: expected a function or the name of a module, got " .. type(fn), "EINVAL"
  end
  local is_away = keys.executor ~= nil and keys.executor ~= "coroutine"
  local arguments, message, code = env.codec[is_away and "encode" or "copy"](...)
  if not arguments then return nil, message, code end
  local self = setmetatable({ arguments = arguments, owner = owner, waiters = {}, generation = owner.generation,
    notify = options.notify, answer = options.answer }, Job)
  local group = group_of(owner)
  local kind, made
  kind, made, code = (is_away and away or at_home)(self, fn, keys, group)
  if not kind then return nil, made, code end
  last = last + 1
  self.id = last
  self.unit = unit.new(kind, env, made, group, "task:" .. last)
  if is_away then send_along(self, arguments) end
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
