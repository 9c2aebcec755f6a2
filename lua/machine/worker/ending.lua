-- Ending: how a worker ends, or is ended; see worker.lua.

local exit = require "luvisor.core.exit"
local lazy = require "luvisor.core.lazy"
local mailbox = lazy "luvisor.machine.message.mailbox"
local passage = lazy "luvisor.machine.worker.passage"
local suggest = lazy "luvisor.core.suggest"
local unit = require "luvisor.machine.unit"

local CANCEL_GRACE = 1 -- seconds between cancel and kill

-- ---- exits

-- Of a worker whose machine has ended.
local function outcome(self)
  if self.failure then return self.failure end
  local state = self.state
  if state.outcome == "error" then
    return exit.new { kind = "error", message = "ended in state " .. state.name, state = state.name }
  end
  return self.stopping and exit.shutdown or exit.new { kind = "normal" }
end

-- Of one that has missed a deadline, or ("stall") has kept its runtime from everybody else.
local function late_exit(self, which)
  local state = self.state
  local seconds, where = nil, state and state.name
  if which == "heartbeat" then seconds = state.heartbeat
  elseif which == "state" then seconds = state.timeout
  elseif which == "start" then seconds = self.spec.start_timeout
  elseif which == "transition" then where = self.crossing end
  return exit.new { kind = "timeout", deadline = which, seconds = seconds, state = where }
end

-- Of one that would not stop.
local function killed_exit(self)
  local text = type(self.spec.shutdown) == "number" and ("did not stop within %g s"):format(self.spec.shutdown)
  return exit.new { kind = "killed", message = text or nil }
end

---@param Worker table a kind of worker, to which it is added
---@param env table
---@param walk function   the kind's way from state to state
---@param switch function and its last step
return function(Worker, env, walk, switch)
  local task, post = env.task, env.post
  local watched, logs = env.watched, env.logs
  local limit, close = task.limit, task.close
  local ready, exited, pass, rawget = unit.ready, unit.exited, passage.take, rawget

  function Worker.missing_target(self, event)
    local state = self.state
    if event == "error" then return self.spec.machine.crashed end
    local known = table.move(state.events, 1, #state.events, 2, { "keepalive" })
    local hint = suggest.hint(event, known)
    if hint == "" then hint = ": " .. table.concat(known, ", ") end
    error(("actor of state %s returned %s, which is not an event of it%s"):format(state.name,
      type(event) == "string" and '"' .. event .. '"' or type(event), hint), 0)
  end

  local function finish(self, why)
    local generation, box = self.generation, rawget(self.instance, "_box")
    if self.phase == "starting" and self.is_ready then ready(self, generation) end
    close(self.task)
    self.instance = nil
    if box then mailbox.close(self, box, why) end
    exited(self, generation, why)
  end

  --- A turn has ended with an event that leads to the end, and its task is closed; see routine.lua.
  function Worker.ended(self, event)
    local box = rawget(self.instance, "_box")
    if box then mailbox.leaves_state(self, box) end
    if logs.info or watched.transition or not pass(self, event) then walk(self, self.instance, event) end
    finish(self, outcome(self))
  end

  --- The machine has reached a terminal state.
  function Worker.finished(instance)
    local self = instance._unit
    finish(self, outcome(self))
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

  -- ---- being asked to

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
end
