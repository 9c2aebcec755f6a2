-- Recovery: what a supervisor does when a child has ended by itself.
--
-- The child's policy decides: restart (at once: counted by the intensity; after a delay: not), stop, give up, escalate.
-- A restart of several children is a sweep that stops the living ones in reverse order, at once, followed by their
-- starts in order when the delay, if there is one, is over. A child that ends by itself while its group is being
-- stopped is simply gone, and is not counted again.

local lazy = require "luvisor.core.lazy"
local chronicle = require "luvisor.machine.chronicle"
local exit = require "luvisor.core.exit"
local routine = require "luvisor.machine.worker.routine"
local strategy = require "luvisor.core.strategy"
local sweep = lazy "luvisor.machine.supervisor.sweep"
local timetable = lazy "luvisor.machine.timetable"
local unit = require "luvisor.machine.unit"

local recovery = {}

local NONE = {}
local ALONE, judge = strategy.alone, unit.judge

-- ---- children that stay down

local COMES = { backoff = true, restarting = true, waiting = true }

-- Whether it runs, or will without anybody's help.
local function is_up(child)
  return unit.is_alive(child) or COMES[child.phase] or false
end

local function may_go_on(child)
  if child.spec.schedule then return true end
  return child.phase ~= "done" and not (child.phase == "idle" and child.spec.autostart == false)
end

-- All have ended by themselves, and none is coming back. Who was stopped, given up or waits may still be started.
local function check_complete(self)
  if self.spec.strategy == "simple_one_for_one" or not self.up or not self.ended then return end
  if not self.children:search(may_go_on) then self:complete(exit.new { kind = "normal" }) end
end

local function is_to_come(self, child)
  if is_up(child) then return true end
  for _, one in ipairs(self.regroup and self.regroup.start or NONE) do
    if one == child then return true end
  end
  return false
end

local function check_significant(self, child)
  local mode = self.spec.auto_shutdown
  if not child.spec.significant or mode == "never" then return false end
  if mode == "all_significant" then
    for _, other in ipairs(self.children:all()) do
      if other ~= child and other.spec.significant and is_to_come(self, other) then return false end
    end
  end
  self:complete(exit.new { kind = "shutdown", message = ("significant child %s ended"):format(child.name) })
  return true
end

local function retire(self, child)
  child.phase = "done"
  self.ended = true
  if child.spec.restart_name == "temporary" or self.spec.strategy == "simple_one_for_one" then
    self.children:remove(child)
    if child.static then self.finished[child.name] = child end -- others may come after it
  end
  self.env.tree:changed()
  timetable.ended(child)
  if check_significant(self, child) then return end
  if not self.is_ready then self:note_progress(child) end
  check_complete(self)
end

local function fatal(self, child, why)
  child.phase = "fatal"
  self.env.log("error", child, "FATAL: %s", tostring(why))
  if self.env.watched.fatal then self.env.emit("fatal", child, { exit = why }) end
  self.env.tree:changed()
  timetable.ended(child)
  self.env.tree:note_fatal()
  if child.spec.critical then return self.env.tree:fail(child, why) end
  if not self.is_ready then self:note_progress(child) end
end

local function too_many(self, child, why)
  local limits = self.spec.intensity
  return exit.new { kind = "error", cause = why, child = child.name,
    message = ("more than %d restart%s within %g s, last of %s: %s"):format(limits.restarts,
      limits.restarts == 1 and "" or "s", limits.within, child.name, tostring(why)) }
end

-- ---- restarts

local function may_start(child)
  if child.phase == "fatal" or unit.is_alive(child) or child.spec.schedule then return false end
  return child.generation > 0 or child.spec.autostart ~= false
end

-- A temporary bystander, unless somebody has started it meanwhile, or a reload has made it one that stays.
local function forget_bystander(self, child)
  if is_up(child) then return end
  if child.spec.restart_name ~= "temporary" then return self:start_child(child) end
  self.children:remove(child)
end

-- The group starts when all of it is gone and the delay of the child that it is about is over.
local function try_group(self)
  local group = self.regroup
  if not group or not group.due or self.sweep then return end
  self.regroup = nil
  for _, child in ipairs(group.remove) do forget_bystander(self, child) end
  local start, i = group.start, 1
  while self.up do
    i = routine.start(self.env, start, i)
    if not start[i] then return end
    if may_start(start[i]) then self:start_child(start[i]) end
    i = i + 1
  end
end

-- A group has `child`, for whose sake it is and whose delay it waits for, and all that come after that, or all.
local function is_of(group, child)
  return group.whole or child.at >= group.child.at
end

local function put_in(list, child)
  local place = 1
  while list[place] and list[place].at < child.at do place = place + 1 end
  if list[place] ~= child then return table.insert(list, place, child) or true end
end

-- Those of the group before, which a reload may have moved, or given another strategy.
local function add_missing(group, stop, others)
  for _, one in ipairs(others) do
    local stays = one == group.child or one.spec.restart_name ~= "temporary"
    if put_in(stays and group.start or group.remove, one) then stop[#stop + 1] = one end
  end
end

-- Stops those who have to start again with the child, at once. A second child that ends meanwhile, and comes before
-- the first, adds to the group; inside the group it is simply gone.
local function gather_group(self, child, due)
  local children, before = self.children:all(), self.regroup
  if before and is_of(before, child) then
    child, due = before.child, before.due or before.child.phase ~= "backoff"
  end
  local stop, start, remove = strategy.plan(self.spec.strategy, child.at, children)
  local group = { child = child, start = start, remove = remove, due = due,
    whole = self.spec.strategy == "one_for_all" }
  add_missing(group, stop, before and before.start or NONE)
  add_missing(group, stop, before and before.remove or NONE)
  self.regroup = group
  sweep.run(self, stop, try_group, "starts again with " .. child.name, child:path())
end

local function restart(self, child)
  local group = self.regroup
  local is_head = group and group.child == child
  if not is_head and ALONE[self.spec.strategy] then
    return routine.restart(self.env, child) or self:start_child(child)
  end
  child.phase = "restarting"
  if not is_head then return gather_group(self, child, true) end
  group.due = true
  try_group(self)
end

local function is_in_regroup(self, child)
  return self.regroup and is_of(self.regroup, child)
end

local function fails_the_start(self, child)
  return self.state.name == "starting" and self.pending[child]
end

local function log_end(self, child, why, decision, delay)
  local env = self.env
  local level = exit.is_normal(why) and "info" or "warn"
  local next_step = decision == "restart" and (delay and (", restarts in %.3g s"):format(delay) or ", restarts") or ""
  env.log(level, child, "ended: %s%s", tostring(why), next_step)
end

local decisions = {}

function decisions.restart(self, child, why, delay, now)
  local env, restarts = self.env, (child.restarts or 0) + 1
  child.restarts = restarts
  if env.watched.restart then
    env.emit("restart", child, { exit = why, restarts = not delay and restarts or nil, delay = delay })
  end
  if not delay then
    if self.intensity:hit(now) then return restart(self, child) end
    return self:give_up(too_many(self, child, why))
  end
  unit.pace(child, delay)
  if not ALONE[self.spec.strategy] then gather_group(self, child, false) end
  self:note_progress(child)
end

function decisions.stop(self, child)
  retire(self, child)
end

function decisions.give_up(self, child, why)
  fatal(self, child, why)
end

function decisions.escalate(self, child, why)
  self:give_up(exit.new { kind = "error", cause = why, child = child.name,
    message = ("%s escalated: %s"):format(child.name, tostring(why)) })
end

local function fail_start(self, child, why)
  chronicle.note(child, "ended", why, "escalate")
  log_end(self, child, why)
  self:give_up(exit.new { kind = "error", cause = why, child = child.name, failed_start = true,
    message = ("failed to start child %s: %s"):format(child.name, tostring(why)) })
end

-- A start by hand that failed is told to who asked for it, and not tried again.
local function refused(self, child, why)
  chronicle.note(child, "ended", why, "stop")
  log_end(self, child, why)
  child.phase = "stopped"
  if child.waiters then unit.tell(child, "ended", why) end
  if not self.is_ready then self:note_progress(child) end
end

--- Somebody starts a child while its group is being stopped: it goes, and comes, with the others.
function recovery:join_group(child)
  local group = self.regroup
  if not is_of(group, child) then return end
  put_in(child.spec.restart_name == "temporary" and group.remove or group.start, child)
end

--- A child has ended by itself, and everything of it is gone.
function recovery:child_ended(child, why, was_ready)
  if not self.up or self.sweep and is_in_regroup(self, child) then
    child.ready_at = nil
    chronicle.note(child, "ended", why)
    if child.special then unit.dismiss(child) end
    return sweep.gone(self, child)
  end
  local env = self.env
  if not was_ready and not child.spec.backoff and not child.spec.schedule and not exit.is_normal(why) then
    if child.dynamic then return refused(self, child, why) end
    if fails_the_start(self, child) then return fail_start(self, child, why) end
  end
  local now = env.now()
  local decision, delay = judge(child, why, was_ready, now)
  if was_ready then child.ready_at = nil else child.dynamic = nil end
  chronicle.ended(child, now, why, decision, delay)
  if env.logs.warn then log_end(self, child, why, decision, delay) end
  if child.waiters then unit.tell(child, "ended", why) end
  decisions[decision](self, child, why, delay, now)
end

--- A child has ended because it was asked to. Who waits for that may have other plans with it than its group.
function recovery:child_stopped(child)
  self.env.tree:changed()
  if child.special then unit.dismiss(child) end
  if self.sweep then sweep.gone(self, child) end
end

--- A child is ready.
function recovery:child_ready(child)
  if child.history and not child.spec.health and not child.spec.watchdog then unit.proven(child) end
  if child.dynamic then child.dynamic = nil end
  local tree = self.env.tree
  if tree.waiting[1] then tree:changed() end
  if child.waiters then unit.tell(child, "ready") end
  if not self.is_ready then self:note_progress(child) end
end

--- A child's backoff is over.
function recovery:child_due(child)
  if self.up then restart(self, child) end
end

--- What a waiting child comes after may be there now.
function recovery:child_may_start(child)
  if self.up and child.phase == "waiting" then self:start_child(child) end
end

return recovery
