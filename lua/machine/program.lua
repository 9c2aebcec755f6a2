-- Program: a unit that is an operating system process, with everything which that starts.
--
-- STARTING  launched; ready when it has been up for ready.after seconds
-- RUNNING   ready
-- STOPPING  asked to end, or its leader has ended and others of its group or session live on: they are asked, and
--           killed when the shutdown time is over (see program_stop.lua)
-- A generation ends, and may be followed by another, only when nobody of it lives; until then nothing is reported,
-- however the leader ended. What is reported is how the leader ended: a program asked to end was shut down, or killed
-- if that took a KILL; one that was not ready within start_timeout missed a deadline; all others ended by themselves.
-- A stop while STARTING is the stop of a RUNNING one. A stop after the leader has ended changes neither the report nor
-- the time its leftovers have. A failed launch is reported from the loop, as any other end.
-- Between generations the state is told from the unit's phase: STOPPED, WAITING, BACKOFF, EXITED, FATAL.

local program_environment = require "luvisor.machine.program_environment"
local program_exit = require "luvisor.machine.program_exit"
local program_output = require "luvisor.machine.program_output"
local program_stop = require "luvisor.machine.program_stop"
local unit = require "luvisor.machine.unit"

local READY_AFTER = 1      -- seconds
local NOTE_LEFTOVERS = 0.1 -- seconds

local Program = unit.extend {}

local function set_state(self, run, state, why)
  local from = run.state
  run.state = state
  if from == state then return end
  local env = self.env
  if env.logs.info then env.log("info", self, "%s -> %s (%s)", from or "STOPPED", state, why) end
  if env.watched.transition then
    env.emit("transition", self, { event = why, from = from or "STOPPED", to = state, generation = run.generation })
  end
end

local function cancel_timers(self, run)
  local cancel = self.env.cancel
  cancel(run.ready_timer)
  cancel(run.start_limit)
  cancel(run.limit)
  cancel(run.note)
end

local function report(self, run)
  if self.run ~= run then return end
  self.run = nil
  self:exited(run.generation, run.exit)
end

-- ---- the end

-- Nobody of the generation lives.
local function on_empty(self, run)
  if self.run ~= run then return end
  cancel_timers(self, run)
  if not run.was_ready and not run.asked_first then program_output.show(self, run.child) end
  run.child:close()
  if run.asked_first then run.exit = program_exit.of_stop(run.killed, run.code, run.signal) end
  report(self, run)
end

local function note_leftovers(self, run)
  if self.run ~= run or not self.env.logs.info then return end
  self.env.log("info", self, "leader ended (%s), others live on: %s", tostring(run.exit),
    table.concat(run.child:members() or {}, ", "))
end

local function own_exit(self, run)
  if run.late then return program_exit.of_start_timeout(self.spec.start_timeout) end
  return program_exit.of_status(self.spec.success or { 0 }, run.code, run.signal, run.core)
end

local function on_leader_exit(self, run, code, signal, core)
  if self.run ~= run then return end
  local env = self.env
  run.code, run.signal, run.core = code, signal, core
  run.exit = own_exit(self, run)
  run.asked_first = run.asked and not run.late
  env.cancel(run.ready_timer)
  env.cancel(run.start_limit)
  set_state(self, run, "STOPPING", tostring(run.exit))
  run.note = env.after(NOTE_LEFTOVERS, note_leftovers, self, run)
  program_stop.ask(self, run, "TERM")
  run.child:on_empty(function() on_empty(self, run) end)
end

-- ---- the start

local function become_ready(self, run)
  if self.run ~= run or run.state ~= "STARTING" then return end
  self.env.cancel(run.start_limit)
  run.was_ready = true
  set_state(self, run, "RUNNING", "ready")
  self:ready(run.generation)
end

local function on_start_timeout(self, run)
  if self.run ~= run or run.state ~= "STARTING" then return end
  run.late = true
  set_state(self, run, "STOPPING", ("not ready within %g s"):format(self.spec.start_timeout))
  program_stop.kill(self, run)
end

local function options(self, run)
  local spec, process = self.spec, self.env.process
  local mark = ("%s/%d@%s"):format(self:path(), run.generation, process.instance)
  local inherited = spec.clear_env and {} or process.environment()
  return {
    command = spec.command, cwd = spec.cwd, umask = spec.umask, nice = spec.nice,
    env = program_environment.build(inherited, spec.env or {}, mark),
    stdin = spec.stdin, stdout = program_output.stream(self, "stdout"), stderr = program_output.stream(self, "stderr"),
    previous = self.child_before, die_with_host = spec.die_with_host,
    on_exit = function(...) on_leader_exit(self, run, ...) end,
  }
end

local function arm_start(self, run)
  local env, spec = self.env, self.spec
  local delay = spec.ready and spec.ready.after or READY_AFTER
  if delay > 0 then
    run.ready_timer = env.deadline(delay, become_ready, self, run)
  else
    env.post(become_ready, self, run)
  end
  if spec.start_timeout then run.start_limit = env.deadline(spec.start_timeout, on_start_timeout, self, run) end
end

function Program.launch(self)
  local run = { generation = self.generation }
  self.run = run
  local child, message, code = self.env.process.spawn(options(self, run))
  if not child then
    run.exit = program_exit.of_launch(message, code)
    self.env.post(report, self, run)
    return
  end
  run.child, run.pid, self.child_before = child, child:pid(), child
  set_state(self, run, "STARTING", "pid " .. run.pid)
  arm_start(self, run)
end

-- ---- being asked to end

local function is_over(run)
  return not run or not run.child
end

function Program.stop(self)
  local run = self.run
  if is_over(run) or run.asked then return end
  run.asked = true
  if run.exit or run.late then return end
  set_state(self, run, "STOPPING", "stop")
  program_stop.ask(self, run, self.spec.stop and self.spec.stop.signal or "TERM")
end

function Program.kill(self)
  local run = self.run
  if is_over(run) then return end
  run.asked = true
  if not run.exit then set_state(self, run, "STOPPING", "kill") end
  program_stop.kill(self, run)
end

local STATES = {
  idle = "STOPPED", stopped = "STOPPED", stopping = "STOPPED", waiting = "WAITING", starting = "STARTING",
  backoff = "BACKOFF", restarting = "BACKOFF", done = "EXITED", fatal = "FATAL",
}

function Program.describe(self)
  local run = self.run
  if is_over(run) then return STATES[self.phase] or self.phase end
  return run.stuck and "STOPPING (stuck)" or run.state, run.pid
end

return Program
