-- Program: a unit that is an operating system process, with everything which that starts.
--
-- STARTING  launched; what makes it ready is in program_ready.lua
-- RUNNING   ready; checked (program_health.lua), expected to report (program_notify.lua), within its limits
-- UNHEALTHY ready, but its checks fail: about to be ended, unless nobody would start it again
-- STOPPING  asked to end, or its leader has ended and others of its group or session live on: they are asked, and
--           killed when the shutdown time is over (see program_stop.lua)
-- A generation ends, and may be followed by another, only when nobody of it lives; until then nothing is reported,
-- however the leader ended. What is reported is how the leader ended: a program asked to end was shut down, or killed
-- if that took a KILL; one that the host ended for a reason of its own (not ready in time, unhealthy, silent, too big,
-- too old) ended for that reason, its failure; all others ended by themselves.
-- A stop while STARTING is the stop of a RUNNING one. A stop after the leader has ended changes neither the report nor
-- the time its leftovers have. A failed launch is reported from the loop, as any other end.
-- Between generations the state is told from the unit's phase: STOPPED, WAITING, BACKOFF, EXITED, FATAL.

local program_environment = require "luvisor.machine.program_environment"
local program_exit = require "luvisor.machine.program_exit"
local program_health = require "luvisor.machine.program_health"
local program_limits = require "luvisor.machine.program_limits"
local program_notify = require "luvisor.machine.program_notify"
local program_output = require "luvisor.machine.program_output"
local program_ready = require "luvisor.machine.program_ready"
local program_stop = require "luvisor.machine.program_stop"
local unit = require "luvisor.machine.unit"

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

-- It is on its way out: nothing is expected of it any more but its end.
local function leave_service(self, run)
  self.env.cancel(run.start_limit)
  program_ready.cancel(self, run)
  program_health.cancel(self, run)
  program_notify.cancel(self, run)
  program_limits.cancel(self, run)
end

local function cancel_timers(self, run)
  self.env.cancel(run.limit)
  self.env.cancel(run.note)
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
  program_notify.forget(self, run)
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
  if run.failure then return run.failure end
  local why = program_exit.of_status(self.spec.success or { 0 }, run.code, run.signal, run.core)
  why.errno, why.status = run.errno, run.status
  return why
end

local function on_leader_exit(self, run, code, signal, core)
  if self.run ~= run then return end
  local env = self.env
  run.code, run.signal, run.core = code, signal, core
  run.exit = own_exit(self, run)
  run.asked_first = run.asked and not run.failure
  leave_service(self, run)
  set_state(self, run, "STOPPING", tostring(run.exit))
  run.note = env.after(NOTE_LEFTOVERS, note_leftovers, self, run)
  program_stop.ask(self, run, "TERM")
  run.child:on_empty(function() on_empty(self, run) end)
end

-- ---- the start

--- The program is ready; deaf unless it is being started.
function Program.now_ready(self, run)
  if self.run ~= run or run.state ~= "STARTING" then return end
  self.env.cancel(run.start_limit)
  run.was_ready = true
  program_ready.cancel(self, run)
  set_state(self, run, "RUNNING", "ready")
  program_health.begin(self, run)
  program_notify.begin(self, run)
  self:ready(run.generation)
end

local function on_start_timeout(self, run)
  if self.run ~= run or run.state ~= "STARTING" then return end
  run.failure = program_exit.of_start_timeout(self.spec.start_timeout, run.not_ready)
  leave_service(self, run)
  set_state(self, run, "STOPPING", ("not ready within %g s"):format(self.spec.start_timeout))
  program_stop.kill(self, run)
end

local function limit_start(self, run, seconds)
  run.start_due = self.env.now() + seconds
  run.start_limit = self.env.deadline(seconds, on_start_timeout, self, run)
end

--- Moves the limit of the start to so many seconds from now, if it was to come sooner.
function Program.extend_start(self, run, seconds)
  if not run.start_due or self.env.now() + seconds <= run.start_due then return end
  self.env.cancel(run.start_limit)
  limit_start(self, run, seconds)
end

--- Ends a program for a reason of the host's, which becomes its exit; `signal` in place of its stop signal.
function Program.fail(self, run, why, signal)
  if self.run ~= run or run.exit or run.asked or run.failure then return end
  run.failure = why
  leave_service(self, run)
  set_state(self, run, "STOPPING", tostring(why))
  program_stop.ask(self, run, signal or self.spec.stop and self.spec.stop.signal or "TERM")
end

Program.change, Program.leave_service = set_state, leave_service

-- What the unit adds to the environment, with `variables` of the host's.
local function additions(self, variables)
  for name, value in pairs(self.spec.variables or self.spec.env or {}) do
    if variables[name] == nil then variables[name] = value end
  end
  return variables
end

local function options(self, run, variables)
  local spec, process = self.spec, self.env.process
  local mark = ("%s/%d@%s"):format(self:path(), run.generation, process.instance)
  local inherited = spec.clear_env and {} or process.environment()
  local who = spec.identity or {}
  return {
    command = spec.command, argv0 = spec.argv0, cwd = spec.cwd,
    uid = who.uid, gid = who.gid, groups = who.groups, no_new_privs = spec.no_new_privs,
    umask = spec.umask, nice = spec.nice, limits = spec.limits,
    oom_score = spec.oom_score_adj and tostring(spec.oom_score_adj),
    env = program_environment.build(inherited, additions(self, variables), mark),
    stdin = spec.stdin, stdout = program_output.stream(self, "stdout"), stderr = program_output.stream(self, "stderr"),
    previous = self.child_before, die_with_host = spec.die_with_host,
    on_exit = function(...) on_leader_exit(self, run, ...) end,
  }
end

local function spawn(self, run)
  local variables = {}
  local ok, message, code = program_notify.prepare(self, run, variables)
  if not ok then return nil, message, code end
  run.options = options(self, run, variables)
  ok, message, code = program_ready.prepare(self, run, run.options)
  if not ok then return nil, message, code end
  return self.env.process.spawn(run.options)
end

function Program.launch(self)
  local run = { generation = self.generation }
  self.run = run
  local child, message, code = spawn(self, run)
  if not child then
    program_ready.begin(self, run, false)
    run.exit = program_exit.of_launch(message, code)
    self.env.post(report, self, run)
    return
  end
  run.child, run.pid, self.child_before = child, child:pid(), child
  set_state(self, run, "STARTING", "pid " .. run.pid)
  if self.spec.start_timeout then limit_start(self, run, self.spec.start_timeout) end
  program_notify.listen(self, run)
  program_limits.begin(self, run)
  program_ready.begin(self, run, true)
end

-- ---- being asked to end

local function is_over(run)
  return not run or not run.child
end

function Program.stop(self)
  local run = self.run
  if is_over(run) or run.asked then return end
  run.asked = true
  if run.exit or run.failure then return end
  leave_service(self, run)
  set_state(self, run, "STOPPING", "stop")
  program_stop.ask(self, run, self.spec.stop and self.spec.stop.signal or "TERM")
end

function Program.kill(self)
  local run = self.run
  if is_over(run) then return end
  run.asked = true
  leave_service(self, run)
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
  return run.stuck and "STOPPING (stuck)" or run.state, run.pid, run.status
end

return Program
