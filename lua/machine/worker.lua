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

local announce = require "luvisor.machine.announce"
local arguments = require "luvisor.machine.worker.arguments"
local exit = require "luvisor.core.exit"
local lazy = require "luvisor.core.lazy"
local letterbox = require "luvisor.machine.message.letterbox"
local mailbox = lazy "luvisor.machine.message.mailbox"
local passage = require "luvisor.machine.worker.passage"
local suggest = lazy "luvisor.core.suggest"
local unit = require "luvisor.machine.unit"
local worker_begin = require "luvisor.machine.worker.begin"
local worker_exit = require "luvisor.machine.worker.exit"

local CANCEL_GRACE = 1 -- seconds between cancel and kill
local HOOKS_GRACE = 1  -- seconds for the hooks of an error where the machine gives them no limit

local late_exit, killed_exit = worker_exit.late, worker_exit.killed

local function clear(self)
  self.state, self.is_ready, self.stopping, self.failure = nil, nil, nil, nil
  self.failing, self.cancelled, self.crossing = nil, nil, nil
end

---@param env table clock, log, events, and `task`: the scheduler of one runtime
---@return table kind the worker kind of unit
return function(env)
  local task, post = env.task, env.post
  local watched, logs = env.watched, env.logs
  local open, enter, limit, close = task.open, task.enter, task.limit, task.close
  local ready, exited, pass, rawget = unit.ready, unit.exited, passage.take, rawget
  local Worker = unit.extend {}

  -- ---- transitions

  local function missing_target(self, event)
    local state = self.state
    if event == "error" then return self.spec.machine.crashed end
    local known = table.move(state.events, 1, #state.events, 2, { "keepalive" })
    local hint = suggest.hint(event, known)
    if hint == "" then hint = ": " .. table.concat(known, ", ") end
    error(("actor of state %s returned %s, which is not an event of it%s"):format(state.name,
      type(event) == "string" and '"' .. event .. '"' or type(event), hint), 0)
  end

  -- the transition's deadline covers its hooks and the switch
  local function run_hooks(self, instance, event, target)
    local state = self.state
    local hooks = self.spec.definition.hooks
    local leaving, entering = hooks.leave[state.name], hooks.enter[target.name]
    if not leaving and not entering then return end
    local seconds = state.transition_timeouts[event]
    if self.failure then seconds = seconds or HOOKS_GRACE end
    if seconds then
      self.crossing = state.name .. " -> " .. target.name
      limit(self.task, "transition", seconds)
    end
    for _, hook in ipairs(leaving or {}) do
      if not hook.event or hook.event == event then hook.fn(instance, self.failure, event) end
    end
    for _, hook in ipairs(entering or {}) do
      if not hook.event or hook.event == event then hook.fn(instance, self.failure, event) end
    end
  end

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
    local target = self.state.edges[event] or missing_target(self, event)
    if self.spec.definition.hooks then run_hooks(self, instance, event, target) end
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

  -- ---- ends

  local function finish(self, why)
    local generation, box = self.generation, rawget(self.instance, "_box")
    if self.phase == "starting" and self.is_ready then ready(self, generation) end
    close(self.task)
    self.instance = nil
    if box then mailbox.close(self, box, why) end
    exited(self, generation, why)
  end

  --- The worker rests in a state in which it is ready, for the first time.
  function Worker.rests_ready(instance)
    local self = instance._unit
    ready(self, self.generation)
  end

  --- A turn has ended with an event that leads to the end, and its task is closed; see routine.lua.
  function Worker.ended(self, event)
    local box = rawget(self.instance, "_box")
    if box then mailbox.leaves_state(self, box) end
    if logs.info or watched.transition or not pass(self, event) then walk(self, self.instance, event) end
    finish(self, worker_exit.outcome(self))
  end

  --- The machine has reached a terminal state.
  function Worker.finished(instance)
    local self = instance._unit
    finish(self, worker_exit.outcome(self))
  end

  local function crash(self, why)
    why = self.failure or why
    self.failure = why
    local state = self.state
    if state and not state.outcome then
      local spec = self.spec
      if spec.definition.hooks and not self.failing then
        self.failing = true
        return task.fail(self.task)
      end
      switch(self, "error", state.edges.error or spec.machine.crashed)
    end
    finish(self, why)
  end

  --- A turn ended with an error, or with the cancel that was ordered (kind "cancelled") or that it got for not giving
  --- way ("stalled"); `overdue` is a limit that passed during that turn.
  function Worker.failed(instance, kind, message, traceback, overdue)
    local self = instance._unit
    if kind == "cancelled" then
      local why = self.failure or killed_exit(self)
      why.traceback = why.traceback or traceback
      self.failing = self.failing or self.stopping
      return crash(self, why)
    end
    if kind == "stalled" then
      local why = self.failure or late_exit(self, overdue or "stall")
      why.traceback = traceback
      return crash(self, why)
    end
    if self.failing then
      env.log("error", self, "hook failed: %s", message)
      return finish(self, self.failure)
    end
    local state = self.state
    crash(self, exit.raised(kind, message, traceback, state and state.name))
  end

  -- Cancelled once already: whatever it is doing, it has had its chance.
  local function drop(self, why)
    why = self.failure or why
    why.traceback = why.traceback or task.traceback(self.task)
    local state = self.state
    if state and not state.outcome then switch(self, "error", state.edges.error or self.spec.machine.crashed) end
    finish(self, why)
  end

  local function abort(self, why)
    self.failure, self.cancelled, self.special = self.failure or why, true, true
    limit(self.task, "stop", CANCEL_GRACE)
    if task.cancel(self.task) then return end
    self.cancelled = nil
    limit(self.task, "stop")
    crash(self, why)
  end

  --- A deadline was missed; `which` names it.
  function Worker.late(instance, which)
    local self = instance._unit
    if self.cancelled and which ~= "stop" and which ~= "stall" then return end -- it may still make use of its cancel
    if self.cancelled then return drop(self, killed_exit(self)) end
    local why = which == "stop" and killed_exit(self) or late_exit(self, which)
    if which == "stop" then self.failing = true end -- no hooks for one that would not listen
    if self.failing and which ~= "stop" then return drop(self, why) end
    abort(self, why)
  end

  --- Ends the worker for a reason from elsewhere.
  function Worker.fail(self, why)
    post(function(generation)
      if self.generation == generation and self.instance and not self.cancelled then abort(self, why) end
    end, self.generation)
  end

  --- A heartbeat, told only while somebody listens.
  function Worker.beat(instance)
    local self = instance._unit
    env.emit("heartbeat", self, { state = self.state.name, generation = self.generation })
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

  local function end_unstarted(self, generation)
    if self.generation == generation and self.instance then finish(self, unit.shutdown_exit()) end
  end

  function Worker.stop(self)
    local shutdown = self.spec.shutdown
    if shutdown == "kill" then return self:kill() end
    self.stopping = true
    if not self.state then
      if self.task then close(self.task) end
      return post(end_unstarted, self, self.generation)
    end
    task.stop(self.task, shutdown ~= "infinity" and shutdown or nil)
  end

  local function end_killed(self, generation)
    if self.generation == generation and self.instance then finish(self, exit.new { kind = "killed" }) end
  end

  function Worker.kill(self)
    if self.task then close(self.task) end -- runs its to-be-closed variables
    post(end_killed, self, self.generation)
  end

  function Worker.describe(self)
    if self.instance then return self.state and self.state.name or "idle" end
    return self.phase
  end

  letterbox.attach(Worker, env, {
    begin = worker_begin(env), advance = Worker.advance, ready = Worker.rests_ready, finished = Worker.finished,
    failed = Worker.failed, late = Worker.late, beat = Worker.beat,
  })
  return Worker
end
