-- Program: a unit that is an operating system process, with everything which that starts.
--
-- STARTING  launched; what makes it ready is in program/ready.lua
-- RUNNING   ready; checked (program/health.lua), expected to report (program/notify.lua), within its limits
-- UNHEALTHY ready, but its checks fail: about to be ended, unless nobody would start it again
-- STOPPING  asked to end, or its leader has ended and others of its group or session live on: they are asked, and
--           killed when the shutdown time is over (see program/stop.lua)
-- A generation ends, and may be followed by another, only when nobody of it lives; until then nothing is reported,
-- however the leader ended. What is reported is how the leader ended: a program asked to end was shut down, or killed
-- if that took a KILL; one that the host ended for a reason of its own (not ready in time, unhealthy, silent, too big,
-- too old) ended for that reason, its failure; all others ended by themselves.
-- Hooks (program/hook.lua) are called before the launch, once it is ready, before it is asked to end, and when nobody
-- of it lives; the generation begins before the first and ends after the last.
-- A stop while STARTING is the stop of a RUNNING one. A stop after the leader has ended changes neither the report nor
-- the time its leftovers have. A failed launch is reported from the loop, as any other end.
-- Between generations the state is told from the unit's phase: STOPPED, WAITING, BACKOFF, EXITED, FATAL.

local exit = require "luvisor.core.exit"
local program_cgroup = require "luvisor.machine.program.cgroup"
local program_exit = require "luvisor.machine.program.exit"
local program_health = require "luvisor.machine.program.health"
local program_hook = require "luvisor.machine.program.hook"
local program_launch = require "luvisor.machine.program.launch"
local program_limits = require "luvisor.machine.program.limits"
local program_notify = require "luvisor.machine.program.notify"
local program_output = require "luvisor.machine.program.output"
local program_ready = require "luvisor.machine.program.ready"
local program_reload = require "luvisor.machine.program.reload"
local program_retire = require "luvisor.machine.program.retire"
local program_state = require "luvisor.machine.program.state"
local program_stop = require "luvisor.machine.program.stop"
local unit = require "luvisor.machine.unit"

local NOTE_LEFTOVERS = 0.1 -- seconds

local Program, set_state = unit.extend {}, program_state.set

local function cancel_start_limit(self, run)
  self.env.cancel(run.start_limit)
  run.start_limit, run.start_due = nil, nil
end

-- It is on its way out: nothing is expected of it any more but its end.
local function leave_service(self, run)
  if run.has_left then return end
  run.has_left = true
  if run.start_due then cancel_start_limit(self, run) end
  if not run.was_ready then program_ready.cancel(self, run) end
  if run.health then program_health.cancel(self, run) end
  if run.watchdog then program_notify.cancel(self, run) end
  if run.sample_timer or run.age_timer then program_limits.cancel(self, run) end
  if run.reload then program_reload.cancel(self, run) end
  if run.hooks then program_hook.cancel(run, "after start") end
end

local function cancel_timers(self, run)
  program_stop.unlimit(self, run)
  if run.note then self.env.cancel(run.note) end
end

local function report(self, run)
  if self.run ~= run then return end
  self.run = nil
  self:exited(run.generation, run.exit)
end

-- ---- the end

-- Nothing of it is left; the hooks that come after are called, and then it is told.
local function conclude(self, run)
  if self.run ~= run or run.over then return end
  if not self.spec.hooks then return report(self, run) end
  run.over = true
  local function stopped() report(self, run) end
  local function failed() program_hook.call(self, run, "after stop", stopped) end
  if exit.is_normal(run.exit) or run.exit.kind == "killed" then return failed() end
  program_hook.call(self, run, "after fail", failed)
end

-- Nobody of the generation lives.
local function all_gone(self, run)
  if self.run ~= run then return end
  run.empty = true
  cancel_timers(self, run)
  local was_asked = program_exit.is_of_stop(run.exit)
  if not run.was_ready and not was_asked then program_output.show(self, run.child) end
  if run.heard then program_notify.forget(self, run) end
  run.child:close()
  if was_asked and run.killed then run.exit = program_exit.of_stop(true, run.code, run.signal) end
  if not run.retiring then return conclude(self, run) end
  program_retire.finish(run, function() conclude(self, run) end)
end

-- Nobody that can be told by session or mark; a group of its own has the last word.
local function on_empty(self, run)
  if not run.cgroup then return all_gone(self, run) end
  if self.run == run then program_cgroup.finish(self, run, function() all_gone(self, run) end) end
end

local function own_exit(self, run)
  local why = program_exit.of_status(self.spec.success or { 0 }, run.code, run.signal, run.core)
  why.errno, why.status = run.errno, run.status
  return why
end

local function note_leftovers(self, run)
  if self.run ~= run or not self.env.logs.info then return end
  local why = run.failure or own_exit(self, run)
  run.child:members(function(pids)
    self.env.log("info", self, "leader ended (%s), others live on: %s", tostring(why), table.concat(pids or {}, ", "))
  end)
end

-- Others live: they are asked, too.
local function on_outlived(self, run)
  if self.run ~= run then return end
  run.note = self.env.after(NOTE_LEFTOVERS, note_leftovers, self, run)
  program_stop.ask(self, run, "TERM")
end

local function on_leader_exit(self, run, code, signal, core)
  if self.run ~= run then return end
  run.code, run.signal, run.core = code, signal, core or nil
  run.exit = run.failure or run.asked and program_exit.of_stop(run.killed, code, signal) or own_exit(self, run)
  leave_service(self, run)
  if run.state ~= "STOPPING" then set_state(self, run, "STOPPING", tostring(run.exit)) end
  local function told(others)
    if others then on_outlived(self, run) else on_empty(self, run) end
  end
  run.child:on_empty(told, told)
end

-- ---- the start

--- The program is ready; deaf unless it is being started.
function Program.now_ready(self, run)
  if self.run ~= run or run.state ~= "STARTING" then return end
  cancel_start_limit(self, run)
  run.was_ready = true
  program_ready.cancel(self, run)
  set_state(self, run, "RUNNING", "ready")
  program_health.begin(self, run)
  program_notify.begin(self, run)
  self:ready(run.generation)
  program_hook.call(self, run, "after start", function(ok, message)
    if not ok then self:fail(run, program_exit.of_hook(message)) end
  end)
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
  if signal then return program_stop.ask(self, run, signal) end
  program_retire.begin(self, run)
end

Program.change, Program.leave_service, Program.beside = set_state, leave_service, program_launch.beside

local function launched(self, run, child, message, code)
  if not child then
    program_ready.begin(self, run, false)
    if run.cgroup then run.cgroup.close() end
    run.exit = program_exit.of_launch(message, code)
    self.env.post(conclude, self, run)
    return
  end
  run.child, run.pid, self.child_before = child, child:pid(), child
  if run.state then self.env.log("info", self, "pid %d", run.pid) end -- it was starting before
  set_state(self, run, "STARTING", (run.adopted and "adopted, pid " or "pid ") .. run.pid)
  program_limits.begin(self, run)
  if run.adopted then return self.env.post(self.now_ready, self, run) end
  if self.spec.start_timeout then limit_start(self, run, self.spec.start_timeout) end
  program_notify.listen(self, run)
  program_ready.begin(self, run, true)
end

local function begin(self, run)
  run.child = false
  program_output.open(self, function(opened, message, code)
    run.child = nil
    local is_wanted = self.run == run and not run.exit
    if is_wanted and opened then
      launched(self, run, program_launch.spawn(self, run, function(status, signal, core)
        on_leader_exit(self, run, status, signal, core)
      end))
    elseif is_wanted then
      launched(self, run, nil, message, code)
    end
    program_output.let_go(opened)
  end)
end

function Program.launch(self)
  local run = { generation = self.generation, child = nil, pid = nil, state = nil, began = nil, watchdog_on = nil,
    start_due = nil, start_limit = nil } -- room for what most have who run
  self.run = run
  if not program_hook.has(self, "before start") then return begin(self, run) end
  set_state(self, run, "STARTING", "before start")
  program_hook.call(self, run, "before start", function(ok, message)
    if ok then return begin(self, run) end
    run.exit = program_exit.of_hook(message)
    conclude(self, run)
  end)
end

--- Tells the program to read its configuration again; reply(true) or reply(nil, message, CODE).
---@param reply fun(ok: boolean|nil, message: string|nil, code: string|nil)
function Program.reload(self, reply)
  program_reload.begin(self, reply)
end

-- ---- being asked to end

-- A launch that failed is told in a moment; one under way has no child yet, which is `false`.
local function is_over(run)
  return not run or run.child == nil and not program_hook.is_busy(run)
end

-- It has not been launched: the hook that comes before is called off.
local function stop_early(self, run)
  program_hook.cancel(run)
  run.asked, run.exit = true, program_exit.of_stop(false)
  self.env.post(conclude, self, run)
end

function Program.stop(self)
  local run = self.run
  if is_over(run) or run.asked then return end
  if not run.child and not run.over then return stop_early(self, run) end
  run.asked = true
  if run.exit or run.failure then return end
  leave_service(self, run)
  program_state.stop(self, run)
  program_retire.begin(self, run)
end

-- Nothing of it lives, but the hooks that come after are still being called.
local function kill_hooks(self, run)
  program_hook.cancel(run)
  self.env.post(report, self, run)
end

function Program.kill(self)
  local run = self.run
  if is_over(run) then return end
  if run.over then return kill_hooks(self, run) end
  if not run.child then return stop_early(self, run) end
  run.asked = true
  program_retire.cancel(run)
  if run.empty then return end
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
  return run.stuck and "STOPPING (stuck)" or run.state, not run.empty and run.pid or nil, run.status
end

return Program
