-- Remote: a worker or supervisor that runs in another runtime, a guest: on a thread, in a process, or wherever an
-- executor of the script's own takes it. This is its place in the host's tree: its supervisor starts, stops and
-- restarts it as any other unit.
--
-- A generation begins with a new guest and ends when everything of that guest is gone; only then is its exit reported,
-- so there are never two of a unit. The guest says why the unit ended; where it ends without a word, how it ended says
-- it. The guest keeps the unit's own deadlines, and the host those of the guest: one that is late with its start or
-- stop by more than a grace is ended by force. A thread that sits in C cannot be: it is given up, the unit's exit is
-- "abandoned", and the next generation waits until that thread has ended, unless a policy of the script's own has
-- said "restart" knowing that.

local commons = require "luvisor.core.lazy" "luvisor.machine.message.commons"
local exit = require "luvisor.core.exit"
local mailbox = require "luvisor.machine.message.mailbox"
local mirror = require "luvisor.machine.remote.mirror"
local post = require "luvisor.machine.message.post"
local unit = require "luvisor.machine.unit"

local GRACE = 2      -- seconds beyond what the guest itself allows the unit: for loading, and for ending by force
local LOOK = 0.25    -- seconds between two looks at how the guest does
local KILL_GRACE = 1 -- seconds a guest has to end by itself when it is to be killed

local Remote = unit.extend { remote = true, tell = mirror.tell }

local function cancel_limit(self, run)
  self.env.cancel(run.limit)
  run.limit = nil
end

local function limit(self, run, seconds, fn)
  cancel_limit(self, run)
  run.limit = self.env.deadline(seconds, fn, self, run)
end

-- ---- the end

local function answer_all(self, run)
  for _, reply in pairs(run.replies) do
    self.env.post(reply, nil, self:path() .. " has ended", "NOT_RUNNING")
  end
  run.replies = {}
end

local function end_of_run(self, run, why)
  cancel_limit(self, run)
  self.env.cancel(run.look)
  self.run, self.up = nil, nil
  if run.post then run.post:close(self:path(), why) end
  mirror.end_all(self, why)
  answer_all(self, run)
  self:exited(run.generation, why)
end

local function own_exit(run, how)
  if run.failure then return run.failure end
  if run.told and not run.forced then return run.told end
  if run.forced then return exit.new { kind = "killed", message = run.forced ~= true and run.forced or nil } end
  if how.kind == "normal" and run.asked then return unit.shutdown_exit() end
  return exit.new(how)
end

local begin

-- Everything of the guest is gone; `how` are the fields of an exit, for a guest that had nothing to say.
local function on_ended(self, run, how)
  if self.lingering == run then
    self.lingering = nil
    self.env.log("warn", self, "the abandoned generation %d has ended", run.generation)
    local deferred = self.run
    if deferred and deferred.deferred then begin(self, deferred) end
  end
  if self.run ~= run then return end
  end_of_run(self, run, own_exit(run, how))
end

local function abandon(self, run)
  if self.run ~= run then return end
  run.guest:abandon()
  self.lingering = run
  self.env.log("error", self, "does not end, however it is asked: left alone, and with it what it holds")
  end_of_run(self, run, exit.new { kind = "abandoned", cause = run.failure,
    message = "it sits in a call that cannot be interrupted" })
end

local function force(self, run)
  if self.run ~= run then return end
  run.guest:destroy()
  limit(self, run, KILL_GRACE, run.guest.abandon and abandon or force)
end

-- Asks the guest to kill what it has, and destroys it when that takes too long.
local function kill_guest(self, run)
  if run.killing then return end
  run.killing = true
  run.guest:send({ "kill" }, true)
  if run.guest.abandon or self.spec.kind == "supervisor" then return limit(self, run, KILL_GRACE, force) end
  force(self, run)
end

local function too_late(self, run)
  if self.run ~= run then return end
  run.forced = ("did not stop within %g s"):format(run.shutdown)
  kill_guest(self, run)
end

-- ---- what the guest says

local frames = {}

function frames.ready(self, run, state, way) -- a single worker's with how it stands, and came there
  if state then mirror.arrive(self, run.generation, state, way) end
  if not run.asked then cancel_limit(self, run) end
  self:ready(run.generation)
end

-- The unit has ended; the guest is about to.
function frames.exited(self, run, why)
  run.told = exit.unpack(why)
  limit(self, run, GRACE, force)
end

function frames.units(self, _, changes) mirror.update(self, changes) end
function frames.note(self, _, ...) mirror.note(self, ...) end

function frames.log(self, _, level, path, message)
  if self.env.logs[level] then self.env.log(level, path, "%s", message) end
end

function frames.event(self, _, kind, path, event)
  local one = mirror.find(self, path)
  if event.exit then event.exit = exit.unpack(event.exit) end
  if one then mirror.hear(one, kind, event) end
end

function frames.reply(_, run, id, ...)
  local reply = run.replies[id]
  run.replies[id] = nil
  if reply then reply(...) end
end

function frames.following(_, run) if run.following then run.following() end end
function frames.ask(...) commons.answer(...) end
function frames.letter(_, run, ...) run.post:letter(...) end
function frames.answer(_, run, ...) run.post:answer(...) end
function frames.taken(_, run, list) run.post:taken(list) end

-- What a task returns, as bytes; see job.lua.
function frames.result(self, _, bytes) if self.take_result then self.take_result(bytes) end end

function frames.critical(self, _, path, why)
  local one = mirror.find(self, path)
  if one then self.env.tree:fail(one, exit.unpack(why)) end
end

local function on_frame(self, run, frame)
  if self.run ~= run then return end
  local known = frames[frame[1]]
  if known then known(self, run, table.unpack(frame, 2, frame.n)) end
end

-- ---- the start

-- A callback has as long as a turn of the default machine; and what is being loaded has as long as the start.
local function seconds_of_stall(self, seconds)
  return self.phase ~= "starting" and seconds - self.env.settings.heartbeat
end

-- A guest that is late by more than the time between two looks, in the same turn both times, sits in C: what computes
-- in Lua is found by the guest itself.
local function look(self, run)
  if self.run ~= run or run.told or run.killing then return end
  local seconds, which, turn = run.guest:late()
  if which == "stall" then seconds = seconds_of_stall(self, seconds) end
  if seconds and seconds > LOOK and run.late_turn == turn then
    local what = which == "stall" and "callback" or "turn"
    run.failure = exit.new { kind = "timeout", deadline = which, message = ("%s: its %s has not ended for %.3g s"
      .. " after it was due, in a call outside of Lua"):format(which, what, seconds) }
    return kill_guest(self, run)
  end
  run.late_turn = turn
  run.look = self.env.after(LOOK, look, self, run)
end

local function late_start(self, run)
  if self.run ~= run then return end
  run.failure = exit.new { kind = "timeout", deadline = "start", seconds = self.spec.start_timeout }
  kill_guest(self, run)
end

local function end_later(self, run, why)
  if self.run == run then end_of_run(self, run, why) end
end

function begin(self, run)
  run.deferred = nil
  local guest, message, code = self.env.guests.open(self, {
    frame = function(frame) on_frame(self, run, frame) end,
    ended = function(how) on_ended(self, run, how) end,
  })
  if not guest then
    run.failure = exit.new { kind = "spawn", message = message, passing = code == "EAGAIN" or code == "ENOMEM" }
    return self.env.post(end_later, self, run, run.failure)
  end
  run.guest, self.up = guest, true
  run.post = post.new(self.env, guest)
  if guest.late then look(self, run) end
  if self.spec.start_timeout then limit(self, run, self.spec.start_timeout + GRACE, late_start) end
end

function Remote.launch(self)
  local run = { generation = self.generation, replies = {}, calls = 0 }
  self.run = run
  if self.lingering and self.spec.restart_name then
    run.deferred = true
    self.env.log("warn", self, "waits for the abandoned generation %d to end", self.lingering.generation)
    return
  end
  begin(self, run)
end

-- ---- being asked to end

function Remote.stop(self)
  local run, shutdown = self.run, self.spec.shutdown
  if not run then return end
  if shutdown == "kill" then return self:kill() end
  run.asked = true
  if not run.guest then return self.env.post(end_later, self, run, unit.shutdown_exit()) end
  if run.told or run.killing then return end
  run.guest:send({ "stop" }, true)
  if shutdown == "infinity" then return cancel_limit(self, run) end
  run.shutdown = shutdown -- a reload may give the unit another one, or none
  limit(self, run, shutdown + GRACE, too_late)
end

function Remote.kill(self)
  local run = self.run
  if not run then return end
  run.asked = true
  if not run.guest then return self.env.post(end_later, self, run, unit.shutdown_exit()) end
  if not run.told then run.forced = run.forced or true end
  kill_guest(self, run)
end

--- A unit of the guest's is to end the tree that it is part of.
function Remote.fail(self, why)
  local run = self.run
  if not run or not run.guest then return end
  run.failure = run.failure or why
  kill_guest(self, run)
end

-- ---- being asked about

--- Has the guest carry out start_child and its like on one of its supervisors; replies as dynamic does.
function Remote.forward(self, target, name, what, reply, cause)
  local run = self.run
  if not run or not run.guest then return reply(nil, self:path() .. " is not running", "NOT_RUNNING") end
  run.calls = run.calls + 1
  local child = name == "restart_child" and type(what) == "table" and mirror.find(self, what.path)
  local phase = child and child.phase
  if child and child.home then child.phase = "starting" end -- as it would be at once if it were here
  run.replies[run.calls] = function(value, message, code)
    if type(value) == "table" and value.values then return reply(table.unpack(value.values, 1, value.values.n)) end
    if type(value) == "table" then value = mirror.find(self, value.path) or true end
    reply(value, message, code)
  end
  local ok, message, code = run.guest:send(table.pack("call", run.calls, target:path(), name, what, cause))
  if ok then return end
  run.replies[run.calls] = nil
  if child then child.phase = phase end
  reply(nil, message, code)
end

--- Takes a letter to one of the guest's workers, or to the unit itself.
function Remote.deliver(self, letter, target)
  local run, one = self.run, target or self
  if one.spec.kind ~= "worker" then
    return nil, ("%s is a %s, which takes no messages"):format(one:path(), one.spec.kind), "EINVAL"
  end
  if not run or not run.post or run.told then return mailbox.down(self, run and run.told) end
  if not unit.is_alive(one) then return mailbox.down(one) end
  return run.post:deliver(one:path(), letter, one.spec.mailbox)
end

--- Lets calls to it, or to one of the guest's workers, go the short way.
function Remote.route(self, address, timeout, target)
  self.run.post:route(address, (target or self):path(), timeout) -- which has just taken a letter
end

function Remote.describe(self)
  local run = self.run
  if not run then return self.phase == "done" and "stopped" or self.phase end
  local state = self.phase == "running" and "running" or run.deferred and "waiting" or "starting" -- if nobody tells
  return self.shown or state, run.guest and run.guest.pid
end

return Remote
