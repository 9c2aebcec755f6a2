-- Worker: drives a worker's declared machine on a coroutine runtime.
--
-- A generation begins with a task and no coroutine. The first turn enters the initial state; from then on the
-- scheduler calls the actor of the present state again and again, and each event that it returns comes here, to
-- `advance`: leave hooks, enter hooks, the switch, and the actor of the new state. So the scheduler alone handles
-- "keepalive", and this file is asked only when something changes.
-- A stop sets `stopping` and cuts a pause short; the actors see it and take the way out of their machine. When the
-- shutdown runs out, what waits is cancelled (raised once), and after a grace dropped. A stop before the first turn
-- ends the worker without it ever running. An error, or a deadline that was missed, takes the event "error" with its
-- hooks if the state has one, and ends the worker in any case; an exit while stopping is the stop's own end.
-- What that takes is in worker/ending.lua: a runtime that runs nothing but one worker loads it when it is needed.

local announce = require "luvisor.machine.announce"
local arguments = require "luvisor.machine.worker.arguments"
local lazy = require "luvisor.core.lazy"
local hooks = lazy "luvisor.machine.worker.hooks"
local letterbox = require "luvisor.machine.message.letterbox"
local mailbox = lazy "luvisor.machine.message.mailbox"
local passage = lazy "luvisor.machine.worker.passage"
local unit = require "luvisor.machine.unit"

-- What ending.lua brings.
local LATER = { "ended", "finished", "failed", "late", "fail", "beat", "stop", "kill", "missing_target" }

local function clear(self)
  self.state, self.is_ready, self.stopping, self.failure = nil, nil, nil, nil
  self.failing, self.cancelled, self.crossing = nil, nil, nil
end

---@param env table clock, log, events, and `task`: the scheduler of one runtime
---@param kind? table one that is to become it
---@return table kind the worker kind of unit
return function(env, kind)
  local task = env.task
  local watched, logs = env.watched, env.logs
  local open, enter, rawget = task.open, task.enter, rawget
  local pass = not env.is_lone and passage.take
  local Worker = unit.extend(kind or {})

  -- ---- transitions

  local function switch(self, event, target)
    local from = self.state
    self.state = target
    local machine = self.spec.machine
    self.past = machine.remember(self.past, event, target)
    if logs.info or watched.transition then announce(self, from, event) end
    if target.ready and not self.is_ready then self.is_ready = true end
    return target
  end

  local function transition(self, instance, event)
    local target = self.state.edges[event] or Worker.missing_target(self, event)
    if self.spec.definition.hooks then hooks.run(self, instance, event, target) end
    return switch(self, event, target)
  end

  local function enter_initial(self)
    local initial = self.spec.machine.initial
    self.state = initial
    self.is_ready = initial.ready
    return initial
  end

  -- one state after the other, with hooks and onlookers; the state in which the worker comes to rest or ends
  local function walk(self, instance, event)
    local state = self.state
    if not state then
      state = enter_initial(self)
    elseif event == nil then
      error(("actor of state %s returned nothing: neither an event nor \"keepalive\""):format(state.name), 0)
    else
      state = transition(self, instance, event)
    end
    local actors = self.spec.definition.actors
    while not state.outcome and not actors[state.name] do
      state = transition(self, instance, state.only)
    end
    return state
  end

  --- Runs on the worker's coroutine: takes the event (nil at the beginning) and names the next actor, or nothing
  --- when the machine has ended. States without an actor are passed through; where it comes to rest, the deadlines
  --- of that state begin, and the supervisor is told if the worker has become ready.
  function Worker.advance(instance, event)
    local self = instance._unit
    local spec, box = self.spec, rawget(instance, "_box")
    if box then mailbox.leaves_state(self, box) end
    local state = spec.passages and not logs.info and not watched.transition and pass(self, event)
      or walk(self, instance, event)
    if state.outcome then return end
    if box then mailbox.state_changed(self, box) end
    local actor, is_ready = self.spec.definition.actors[state.name], self.is_ready -- a hook may have waited meanwhile
    enter(self.task, state.heartbeat, state.timeout, is_ready)
    return actor.fn, actor.every, is_ready and self.phase == "starting"
  end

  --- The worker rests in a state in which it is ready, for the first time.
  function Worker.rests_ready(instance)
    local self = instance._unit
    unit.ready(self, self.generation)
  end

  -- ---- the body

  function Worker.launch(self)
    local spec = self.spec
    if self.past then clear(self) end
    self.past = ""
    local args = spec.args or self.extra
    local instance = setmetatable({ _unit = self, args = args and arguments(args, self.extra) }, spec.definition.meta)
    self.instance = instance
    self.task = open(instance, spec.start_timeout or nil)
  end

  function Worker.describe(self)
    if self.instance then return self.state and self.state.name or "idle" end
    return self.phase
  end

  local function complete()
    require "luvisor.machine.worker.ending"(Worker, env, walk, switch)
  end

  if env.is_lone then
    for _, name in ipairs(LATER) do
      Worker[name] = function(...)
        complete()
        return Worker[name](...)
      end
    end
  else
    complete()
  end

  letterbox.attach(Worker, env, {
    begin = not env.is_lone and require "luvisor.machine.worker.begin"(env) or nil, advance = Worker.advance,
    ready = Worker.rests_ready, finished = Worker.finished, failed = Worker.failed, late = Worker.late,
    beat = Worker.beat,
  })
  return Worker
end
