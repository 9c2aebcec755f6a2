-- Timetable: starts the children of a supervisor that have a schedule, when they are due.
--
-- A run that is still under way decides by the schedule's overlap: the new one is skipped, waits for its end (one
-- waits, no more), or takes its place. A child that was stopped by hand is left alone until it is started by hand; one
-- that was given up is tried again.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local keys = require "luvisor.core.lazy" "luvisor.core.plan.keys"
local rolling = require "luvisor.machine.supervisor.rolling"
local schedule = require "luvisor.core.schedule"
local unit = require "luvisor.machine.unit"

local timetable = {}

local BUSY = { backoff = true, waiting = true, restarting = true }

local function is_there(child)
  local supervisor = child.parent
  return supervisor.up and supervisor.children:find(child.name) == child
end

-- ---- what to do when it is due

local overlap = {}

function overlap.skip(child)
  child.env.log("warn", child, "due, but skipped: the run before it is not over")
end

function overlap.wait(child)
  if not child.overdue then child.env.log("info", child, "due, and starts when the run before it is over") end
  child.overdue = true
end

function overlap.kill(child)
  child.env.log("warn", child, "due: ending the run before it")
  rolling.restart(child, dynamic.ignore)
end

local function start(child)
  child.overdue = nil
  unit.reset(child)
  child.parent:start_child(child)
end

local function run(child)
  if child.phase == "stopping" then return end
  if unit.is_alive(child) or BUSY[child.phase] then return overlap[child.spec.schedule.overlap](child) end
  if child.phase ~= "stopped" then start(child) end
end

-- ---- the clock

local look

local function look_later(child, wait)
  child.schedule_timer = child.env.after(wait, look, child)
end

function look(child)
  local env = child.env
  child.schedule_timer = nil
  if not is_there(child) then return end
  local due, wait = schedule.look(child.timetable, env.calendar.wall(), env.now())
  look_later(child, wait)
  if due then run(child) end
end

local function catch_up(child)
  if child.overdue and is_there(child) and not unit.is_alive(child) and not BUSY[child.phase] then start(child) end
end

--- A run of a child is over.
function timetable.ended(child)
  if child.overdue then child.env.post(catch_up, child) end
end

--- Begins to look after a child that has a schedule.
function timetable.begin(child)
  local spec, env = child.spec.schedule, child.env
  local calendar = env.calendar
  child.timetable = schedule.new(spec, calendar.wall(), env.now(), spec.utc and calendar.utc or calendar.here)
  local _, wait = schedule.look(child.timetable, calendar.wall(), env.now())
  look_later(child, wait)
end

--- The time on the wall at which a child is due next; nil without a schedule.
---@return number|nil
function timetable.next_at(child)
  if not child.timetable or child.phase == "stopped" or not is_there(child) then return nil end
  return schedule.next_at(child.timetable, child.env.calendar.wall(), child.env.now())
end

local function cancel(child)
  child.overdue = nil
  if child.schedule_timer then child.env.cancel(child.schedule_timer) end
  child.schedule_timer = nil
end

--- Gives a child another spec, and goes by the schedule that this has; one that has not changed keeps its beat.
---@param child table
---@param spec table
function timetable.change(child, spec)
  local is_same = keys.same(child.spec.schedule, spec.schedule)
  child.spec, child.next_spec = spec, nil
  if is_same then return end
  cancel(child)
  child.timetable = nil
  if spec.schedule then timetable.begin(child) end
end

--- The supervisor ends.
function timetable.cancel(supervisor)
  for _, child in ipairs(supervisor.children:all()) do cancel(child) end
end

return timetable
