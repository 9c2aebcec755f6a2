-- Upgrade: new code, and other arguments, for a worker that runs, which keeps its state, its data and its place.
--
-- From the moment it is asked for, every actor of the worker is a stand-in. The call that is under way ends in its own
-- time and by the old code, hooks included; then the worker is at an actor boundary, and the stand-in runs: it looks
-- whether the new machine has the state that the worker is in, has the new code's `upgrade` map a copy of the data, and
-- hands over. If any of that fails nothing was changed, and the old actor goes on with the old data. A worker
-- that does not come to a boundary in time keeps its code; one that ends before that starts anew with the new one.

local copy = require "luvisor.core.copy"
local shallow = require "luvisor.core.shallow"
local unit = require "luvisor.machine.unit"

local PATIENCE = 10 -- seconds until the worker comes to an actor boundary
local LOOK = 0.1   -- seconds between two looks whether it is still there
local LONGEST = 5  -- seconds that `upgrade` may take

local upgrade = {}

-- ---- the data

local function copy_data(value, seen)
  if type(value) ~= "table" then return value end
  if seen[value] then return seen[value] end
  local mine = {}
  seen[value] = mine
  for key, item in next, value do rawset(mine, copy_data(key, seen), copy_data(item, seen)) end
  return setmetatable(mine, debug.getmetatable(value))
end

-- It runs apart from the worker, which waits for it, so that nothing it does can harm the worker.
local function call_apart(job, fn, ...)
  local env, arguments = job.unit.env, table.pack(...)
  local id, number = env.task.current()
  local cancel = env.errand(job.unit, "upgrade", function()
    return fn(table.unpack(arguments, 1, arguments.n))
  end, nil, function(ran, result) env.task.wake(id, number, { ran = ran, result = result }) end)
  local answer = env.task.park(LONGEST)
  cancel()
  if not answer then return nil, ("upgrade takes more than %d s"):format(LONGEST) end
  if not answer.ran then return nil, tostring(answer.result) end
  return true, answer.result
end

local function check_data(old, new)
  if type(new) == type(old) or old == nil then return true end
  return nil, ("upgrade: expected the data, a %s, got %s"):format(type(old), new == nil and "nothing" or type(new))
end

-- What `upgrade` makes of the data; the fields that it may have set on self are put back when it fails.
local function map_data(job, instance)
  local migrate = job.maps and job.spec.definition.migrate
  if not migrate then return true, instance.data end
  local fields = {}
  for key, value in next, instance do fields[key] = value end
  local version = job.old.definition.version or 1
  local ok, data = call_apart(job, migrate, instance, version, copy_data(instance.data, {}))
  local message = data
  if ok then ok, message = check_data(instance.data, data) end
  if ok then return true, data end
  for key in next, instance do rawset(instance, key, nil) end
  for key, value in next, fields do rawset(instance, key, value) end
  return nil, message
end

-- ---- handing over

local function new_state(job)
  local name, spec = job.unit.state.name, job.spec
  local state = spec.machine.states[name]
  if not state then return nil, ('the new machine has no state "%s"'):format(name) end
  if not state.outcome and spec.definition.actors[name] then return state end
  return nil, ('the new code has no actor for state "%s"'):format(name)
end

local function translate_past(job)
  local text, machine = "", job.spec.machine
  for _, entry in ipairs(job.old.machine.recall(job.unit.past)) do
    local state = machine.states[entry.state]
    if state then text = text .. machine.code(entry.event, state) end
  end
  return text
end

local function new_arguments(job, instance)
  local args, extra = copy(job.spec.args), job.unit.extra
  if not extra then return args end
  args = type(args) == "table" and args or {}
  for key in pairs(extra) do args[key] = instance.args[key] end
  return args
end

local function hand_over(job, instance)
  local state, message = new_state(job)
  if not state then return nil, message end
  local ok, data = map_data(job, instance)
  if not ok then return nil, data end
  local self = job.unit
  setmetatable(instance, job.spec.definition.meta)
  rawset(instance, "data", data)
  rawset(instance, "args", new_arguments(job, instance))
  self.past, self.state = translate_past(job), state
  return true
end

local function end_job(job, ok, message)
  job.over = true
  job.unit.next_spec = nil
  job.unit.spec = ok and job.spec or job.old
  job.unit.env.cancel(job.timer)
  job.unit.env.post(job.done, ok, message)
end

local function resume(job)
  local self, task = job.unit, job.unit.env.task
  local state = self.state
  local actor = self.spec.definition.actors[state.name]
  task.set_actor(self.task, actor.fn, actor.every)
  task.enter(self.task, state.heartbeat, state.timeout, self.is_ready)
end

-- ---- waiting for the boundary

local function stand_in(job)
  return function(instance)
    if not job.over then
      job.at_boundary = true
      job.unit.env.task.enter(job.unit.task, nil, nil, job.unit.is_ready) -- no heartbeat is owed meanwhile
      end_job(job, hand_over(job, instance))
      if job.unit.env.logs.info and job.unit.spec == job.spec then
        job.unit.env.log("info", job.unit, "upgraded in state %s", job.unit.state.name)
      end
    end
    resume(job)
    return "keepalive"
  end
end

-- The old spec with stand-ins for its actors; transitions are taken one by one, so that each comes upon one.
local function transitional(job)
  local spec, definition, fn = shallow(job.old), shallow(job.old.definition), stand_in(job)
  definition.actors = {}
  for state in pairs(job.old.definition.actors) do definition.actors[state] = { fn = fn } end
  spec.definition, spec.passages, spec.routine = definition, nil, nil
  job.stand_in = fn
  return spec
end

local function is_there(job)
  return job.unit.generation == job.generation and unit.is_alive(job.unit)
end

local look

local function look_later(job)
  job.timer = job.unit.env.after(LOOK, look, job)
end

-- One that has ended takes the new spec with its next start.
function look(job)
  if job.over then return end
  if not is_there(job) then
    job.over = true
    if job.unit.next_spec == job.spec then job.unit.spec, job.unit.next_spec = job.spec, nil end
    return job.done(true)
  end
  job.looks = job.looks + 1
  if job.at_boundary or job.looks * LOOK < PATIENCE then return look_later(job) end
  end_job(job, nil, ("it did not come to the end of its actor within %d s"):format(PATIENCE))
  local actor = job.unit.state and job.old.definition.actors[job.unit.state.name]
  if actor then job.unit.env.task.set_actor(job.unit.task, actor.fn, actor.every) end
end

--- Whether there is somebody whose code can be changed; others are started anew.
---@param self table
---@return boolean
function upgrade.is_possible(self)
  return self.spec.kind == "worker" and self.spec.executor == "coroutine" and self.instance ~= nil
    and self.state ~= nil and not self.stopping and unit.is_alive(self)
end

--- Begins; done(ok, message) is called once, later.
---@param self table a worker's unit
---@param spec luvisor.Spec
---@param maps boolean whether the new code's `upgrade` is to be called
---@param done fun(ok: boolean|nil, message: string|nil)
function upgrade.begin(self, spec, maps, done)
  local job = {
    unit = self, old = self.spec, spec = spec, maps = maps, done = done, generation = self.generation, looks = 0,
  }
  self.next_spec, self.special = spec, true
  self.spec = transitional(job)
  look_later(job)
  self.env.task.set_actor(self.task, job.stand_in)
end

return upgrade
