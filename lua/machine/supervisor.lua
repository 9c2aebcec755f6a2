-- Supervisor: a unit that owns units. OTP's semantics, on events instead of blocking calls.
--
--   idle        not started
--   starting    children are being started, in order; one without backoff that ends before it was ready fails the start
--   running     every child had its first start: is ready, done, paced by its backoff, or waits for what it comes after
--   terminating asked to stop, or complete: children are stopped in reverse order, each gone before the next
--   reaping     gave up, or the start failed: the same, and then it has crashed
--   stopped     (end, well)   crashed (end, with an abnormal exit, also for a parent)
--
-- What happens when a child ends is in recovery.lua. At most one sweep stops children at a time: a stop that arrives
-- while a group is being restarted takes the sweep over, and one that arrives while starting ends what was started.

local lazy = require "luvisor.core.lazy"
local announce = require "luvisor.machine.announce"
local branch = require "luvisor.machine.branch"
local chronicle = require "luvisor.machine.chronicle"
local exit = require "luvisor.core.exit"
local fsm = require "luvisor.core.fsm"
local intensity = require "luvisor.core.intensity"
local recovery = require "luvisor.machine.supervisor.recovery"
local roster = require "luvisor.machine.supervisor.roster"
local sweep = lazy "luvisor.machine.supervisor.sweep"
local timetable = lazy "luvisor.machine.timetable"
local unit = require "luvisor.machine.unit"

local machine = fsm.supervisor()
local Supervisor = unit.extend {}

local SETTLED = { running = true, done = true, backoff = true, fatal = true, stopped = true, waiting = true }
local PRESENT = { running = true, done = true, stopped = true } -- nobody waits for one that was stopped by hand

-- ---- its own machine

local function take(self, event)
  local from, target = self.state, self.state.edges[event]
  self.state = target
  self.up = target.name == "running" or target.name == "starting"
  chronicle.note(self, "state", from.name, target.name, self.failure and tostring(self.failure) or event)
  announce(self, from, event)
end

-- Posted: where nothing was left to stop this is still inside the call that asked for the stop.
local function finish(self, why)
  self.regroup, self.pending, self.lagging = nil, nil, nil
  self.env.post(self.exited, self, self.generation, why)
end

local function reaped(self)
  take(self, "complete")
  finish(self, self.failure)
end

local function terminated(self)
  take(self, "complete")
  finish(self, self.ending)
end

local function end_with(self, event, done)
  self.regroup = nil
  timetable.cancel(self)
  take(self, event)
  local cause = self.failure and "its supervisor gave up" or "its supervisor ends"
  sweep.run(self, self.children:reversed(), done, cause, self:path())
end

local function give_up(self, why)
  if not self.up then return end
  self.failure = why
  self.env.log("error", self, "gives up: %s", tostring(why))
  if self.env.watched.give_up then self.env.emit("give_up", self, { exit = why }) end
  end_with(self, "error", reaped)
end

local function complete(self, why)
  if not self.up then return end
  self.ending = why
  end_with(self, "complete", terminated)
end

-- ---- starting

local function check_started(self)
  if self.state.name == "starting" and not next(self.pending) then take(self, "run") end
  if self.state.name == "running" and not self.is_ready and not next(self.lagging) then
    self.is_ready = true
    self.env.post(self.ready, self, self.generation)
  end
end

-- A child's first start is over as far as the supervisor's own start goes; ready or done is another matter.
local function note_progress(self, child)
  if self.is_ready then return end
  if SETTLED[child.phase] then self.pending[child] = nil end
  if PRESENT[child.phase] then self.lagging[child] = nil end
  check_started(self)
end

local function start_child(self, child)
  local tree = self.env.tree
  if self.regroup then self:join_group(child) end
  if child.spec.after and not tree:may_start(child) then
    unit.put(child, "waiting")
    chronicle.note(child, "waits", tree:missing(child))
    if self.env.logs.info then self.env.log("info", child, "waits for %s", tree:missing(child)) end
    return note_progress(self, child)
  end
  unit.start(child)
  if tree.waiting[1] then tree:changed() end
end

local function add_child(self, spec, name)
  local child = unit.new(unit.kind_of(self.env, spec), self.env, spec, self, name)
  self.children:add(child)
  if not name then branch.note_name(self.env) end
  if spec.schedule then timetable.begin(child) end
  return child
end

-- Somebody may have started or stopped a child by hand since they were made.
local function begin(self, generation)
  if self.generation ~= generation then return end
  for _, child in ipairs(self.children:all()) do
    if self.state.name ~= "starting" then return end
    if child.phase == "idle" and child.spec.autostart ~= false then start_child(self, child) end
  end
  check_started(self)
end

--- Starts a generation: children anew from their specs; those added at run time are not restored.
function Supervisor:launch()
  self.state = machine.initial
  self.failure, self.ending, self.is_ready, self.forced, self.ended = nil, nil, nil, nil, nil
  self.pending, self.lagging = {}, {}
  local before = self.children
  self.children = roster.new()
  self.intensity = intensity.new(self.spec.intensity)
  self.finished = {}
  for _, spec in ipairs(self.spec.children or {}) do
    local child = add_child(self, spec)
    if spec.autostart ~= false then self.pending[child], self.lagging[child] = true, true end
    local predecessor = before and before:find(spec.name)
    if predecessor then chronicle.inherit(child, predecessor) end
    if spec.restart_name == "temporary" then child.static = true end
  end
  take(self, "start")
  self.env.post(begin, self, self.generation)
end

-- ---- the body

local function stop_late(self, generation)
  self.timer = nil
  if self.generation == generation and self.phase == "stopping" then self:kill() end
end

--- Stops all children in reverse order, within the time that follows from theirs.
function Supervisor:stop()
  local shutdown = self.spec.shutdown
  if shutdown == "kill" then return self:kill() end
  if type(shutdown) == "number" then self.timer = self.env.deadline(shutdown, stop_late, self, self.generation) end
  complete(self, unit.shutdown_exit())
end

--- Ends all children by force, at once.
function Supervisor:kill()
  self.forced = true
  if self.up then complete(self, exit.new { kind = "killed" }) end
  sweep.force(self)
end

--- Gives up, for a reason that came from elsewhere in the tree.
function Supervisor:fail(why)
  give_up(self, why)
end

function Supervisor:describe()
  if unit.is_alive(self) then return self.state.name end
  return self.phase == "done" and self.state and self.state.name or self.phase
end

Supervisor.add_child, Supervisor.start_child = add_child, start_child
Supervisor.note_progress, Supervisor.give_up, Supervisor.complete = note_progress, give_up, complete
for name, fn in pairs(recovery) do Supervisor[name] = fn end

return Supervisor
