-- Unit: the part of a life that workers, programs and supervisors share.
--
-- Phases:
--   idle      never started
--   waiting   to be started as soon as what it comes `after` is there
--   starting  a generation was launched and is not ready yet
--   running   ready
--   stopping  asked to end; bounded by its shutdown
--   stopped   ended because it was asked to
--   backoff   ended by itself, starts again when its delay is over
--   restarting  ended by itself, starts again with its siblings
--   done      ended by itself and stays so
--   fatal     given up; only an explicit start tries again
-- A unit is `special` where somebody waits for it, writes to it or wants to be told of its end, or where there is more
-- to it than to others: then every step is taken in full, until a start at which nothing of that is left.
-- A start raises the generation; whatever an older generation still has to say is dropped. Stop is a phase: one that
-- arrives while starting is remembered by it, one in backoff or waiting takes effect at once, one before the start
-- means that nothing runs. Only the supervisor that owns the unit calls these functions.

local lazy = require "luvisor.core.lazy"
local backoff = lazy "luvisor.core.backoff"
local chronicle = lazy "luvisor.machine.chronicle"
local ends = require "luvisor.machine.supervisor.ends"
local exit = require "luvisor.core.exit"
local restart = lazy "luvisor.core.restart"
local together = lazy "luvisor.machine.worker.together"
local waiters = require "luvisor.machine.waiters"

local REMEMBERED = 32 -- exits a policy can look back on

local unit = { wait = waiters.wait, tell = waiters.tell, dismiss = waiters.dismiss }

local ALIVE = { starting = true, running = true, stopping = true }
local RETIRES = { worker = true, supervisor = true } -- a normal end is the end, unless the script says otherwise

--- Whether something of the unit runs.
function unit.is_alive(self)
  return ALIVE[self.phase] or false
end

--- Path of the unit in its tree, "etl/poller".
function unit.path(self)
  local parent = self.parent
  local above = parent and parent.spec and unit.path(parent)
  return above and above .. "/" .. self.name or tostring(self.name)
end

local function cancel_timer(self)
  if self.timer then
    self.env.cancel(self.timer)
    self.timer = nil
  end
end

-- ---- start and stop

local function failed_launch(self, generation, message)
  self:exited(generation, exit.new { kind = "error", message = message })
end

--- The generation that starts has none: its end is told later, as that of any other.
function unit.fail_launch(self, message)
  self.env.post(failed_launch, self, self.generation, tostring(message))
end

local function renew(self)
  if self.next_spec then self.spec, self.next_spec = self.next_spec, nil end
  local is_special = self.waiters or self.history or self.dynamic or self.extra or self.env.ends[self]
  self.special = is_special and true or nil
end

--- Starts a new generation. The body answers through ready and exited, never before this returns. Nothing ever runs
--- twice: who calls this has seen to that, and should that be wrong, nothing is started.
function unit.start(self)
  if ALIVE[self.phase] then return self.env.log("error", self, "runs already, and is not started once more") end
  if self.timer then cancel_timer(self) end
  if self.special then renew(self) end
  self.generation = self.generation + 1
  self.phase = "starting"
  if self.env.watched.start then self.env.emit("start", self, { generation = self.generation }) end
  local ok, message = pcall(self.launch, self)
  if not ok then unit.fail_launch(self, message) end
end

--- Asks the unit to end; true when there is nothing to wait for.
---@param cause? string who asks, and why
---@param by? string path of the unit for whose sake
---@param group? table with which it is asked, of chronicle.group
function unit.ask_to_stop(self, cause, by, group)
  if not ALIVE[self.phase] then
    cancel_timer(self)
    if self.phase ~= "done" and self.phase ~= "fatal" and self.phase ~= "stopped" then
      if self.generation > 0 then chronicle.note(self, "asked", cause, by) end
      self.phase = "stopped"
    end
    if self.special then unit.dismiss(self) end
    return true
  end
  if self.phase == "stopping" then return false end
  self.phase = "stopping"
  if not group then chronicle.note(self, "asked", cause, by) end
  if self.env.watched.stop then self.env.emit("stop", self, { generation = self.generation, cause = cause }) end
  if group then together.stop(self, group) else self:stop() end
  return not ALIVE[self.phase]
end

--- Ends the unit by force; true when there is nothing to wait for.
function unit.ask_to_kill(self, cause, by)
  if not ALIVE[self.phase] then return unit.ask_to_stop(self, cause, by) end
  if self.phase ~= "stopping" then chronicle.note(self, "asked", cause, by) end
  self.phase = "stopping"
  self:kill()
  return false
end

-- ---- what the body reports

local function drop(env) env.dropped = (env.dropped or 0) + 1 end

--- The body is ready: a unit that is being stopped, or was told to be already, is not.
function unit.ready(self, generation)
  local env, phase = self.env, self.phase
  if generation ~= self.generation or not ALIVE[phase] then return drop(env) end
  if phase ~= "starting" then return end
  self.phase = "running"
  self.ready_at = env.now()
  if env.watched.ready then env.emit("ready", self, { generation = generation }) end
  self.parent:child_ready(self)
end

--- Everything of the generation is gone.
---@param why luvisor.Exit
function unit.exited(self, generation, why)
  local env, phase = self.env, self.phase
  if generation ~= self.generation or not ALIVE[phase] then return drop(env) end
  self.last_exit = why
  if self.timer then cancel_timer(self) end
  local told = env.ends
  if told and told[self] then ends.tell(told, self, why) end
  if env.watched.exit then env.emit("exit", self, { generation = generation, exit = why }) end
  if phase ~= "stopping" then
    self.phase = "done"
    return self.parent:child_ended(self, why, phase == "running")
  end
  self.phase, self.ready_at = "stopped", nil
  if not together.notes(self) then chronicle.note(self, "stopped", why) end
  if env.logs.info and not self.mirrored then env.log("info", self, "stopped: %s", tostring(why)) end
  self.parent:child_stopped(self, why)
end

-- ---- what to do about an exit

local function remember(self, why, was_ready, now)
  local history = self.history
  if not history then
    history = { failed_starts = 0, restarts = 0, last_ready_for = 0 }
    self.history, self.special = history, true
  end
  local uptime = was_ready and now - self.ready_at or 0
  -- A program that was ready, but never passed a health check, has only seemed to start.
  local started = was_ready and not why.unproven
  history.failed_starts = started and 0 or history.failed_starts + 1
  if was_ready then history.last_ready_for = uptime end
  if #history == REMEMBERED then table.remove(history, 1) end
  history[#history + 1] = { exit = why, at = now, uptime = uptime, ready = started }
  return history
end

local function ask_policy(self, why, history, now)
  local ok, decision, delay = pcall(self.spec.restart, why, history, now)
  local message
  if ok then
    decision, message = restart.check(decision, delay)
    if decision then return decision, delay end
  else
    message = decision
  end
  self.env.log("error", self, "restart policy: %s; restarted as if it had no opinion", tostring(message))
  return "restart"
end

-- Runsmith's rule and OTP's meet here: a worker or supervisor that ended well is retired, and only a script that says
-- restart = "permanent" itself gets it back.
local function plain_decision(spec, why)
  local name, kind = spec.restart_name, why.kind
  if name == "temporary" then return "stop" end
  if kind ~= "normal" and kind ~= "shutdown" then return "restart" end
  if name == "transient" then return "stop" end
  if kind == "normal" and not spec.restart_given and RETIRES[spec.kind] then return "stop" end
  return "restart"
end

local function launch_error_decision(self, why, history)
  if why.passing then
    local pace = self.spec.backoff or backoff.fill {}
    history.failed_starts = math.max(0, history.failed_starts - 1) -- the machine's fault, not the unit's
    return "restart", pace.max < 1 and pace.max or math.max(pace.min, 1)
  end
  return "give_up"
end

local function paced_decision(self, why, was_ready, now)
  local spec = self.spec
  local history = remember(self, why, was_ready, now)
  history.restarts = self.restarts or 0
  if why.passing or why.permanent then return launch_error_decision(self, why, history) end
  local decision, delay
  if spec.restart_name and spec.kind ~= "program" then
    decision = plain_decision(spec, why)
  else
    decision, delay = ask_policy(self, why, history, now)
  end
  if decision == "restart" and spec.backoff and not delay then
    delay = backoff.delay(spec.backoff, backoff.failures(history, spec.backoff.reset_after), self.env.random)
  end
  return decision, delay
end

--- What the unit's policy makes of an exit: decision and delay; a restart without delay counts for the intensity.
---@param why luvisor.Exit
---@param was_ready boolean
---@param now number
---@return string decision
---@return number|nil delay
function unit.judge(self, why, was_ready, now)
  local spec = self.spec
  if spec.restart_name and not spec.backoff then return plain_decision(spec, why) end
  return paced_decision(self, why, was_ready, now)
end

--- A health check has passed: the start has succeeded.
function unit.proven(self)
  if self.history then self.history.failed_starts = 0 end
end

--- Forgets the failures so far: somebody wants a fresh start.
function unit.reset(self)
  self.history = nil
end

local function start_again(self, generation)
  self.timer = nil
  if self.phase ~= "backoff" or self.generation ~= generation then return end
  self.parent:child_due(self)
end

--- Waits before the next start.
---@param delay number seconds
function unit.pace(self, delay)
  self.phase, self.due = "backoff", self.env.now() + delay
  self.timer = self.env.after(delay, start_again, self, self.generation)
end

-- ---- making

--- Adds the functions above to a kind of unit, which brings launch, stop, kill and describe.
---@param kind table
---@return table kind
function unit.extend(kind)
  kind.__index = kind
  kind.ready, kind.exited, kind.path, kind.proven = unit.ready, unit.exited, unit.path, unit.proven
  return kind
end

--- The kind of unit that a spec asks for: one that runs here, or the place of one that runs in another runtime.
function unit.kind_of(env, spec)
  return env.kinds[spec.executor == "coroutine" and spec.kind or "remote"]
end

--- A new unit of a kind. `name` may be an integer for children of a pool.
function unit.new(kind, env, spec, parent, name)
  if spec.kind ~= "worker" then
    return setmetatable({
      env = env, spec = spec, parent = parent, name = name or spec.name, generation = 0, phase = "idle",
    }, kind)
  end
  -- There may be very many workers: exactly the sixteen fields which each comes to have, so that its table never grows.
  return setmetatable({
    env = env, spec = spec, parent = parent, name = name or spec.name, generation = 0, phase = "idle", at = nil,
    past = nil, instance = nil, task = nil, state = nil, is_ready = nil, ready_at = nil, restarts = nil,
    last_exit = nil, failure = nil,
  }, kind)
end

--- An exit value for a stop that was asked for.
function unit.shutdown_exit()
  return exit.new { kind = "shutdown" }
end

return unit
