-- Change work: what a change stops and starts under one supervisor. Stops go in reverse start order, where nothing
-- depends on the order side by side, each wholly gone before its successor starts. What was restarted starts as soon as
-- its own supervisor's stops are over; what is added when all are, so that a unit that moved finds its port free.

local chronicle = require "luvisor.machine.chronicle"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local timetable = require "luvisor.machine.timetable"
local unit = require "luvisor.machine.unit"

local RESTS = { done = true, fatal = true }

local works = {}

-- Whether the supervisor still has the children that it had: one that has started anew meanwhile made others, as the
-- new spec says.
local function is_current(work)
  return work.supervisor.up and work.supervisor.children == work.children
end

-- ---- starting

local function start(self, work, child)
  local supervisor = work.supervisor
  if not is_current(work) or work.children:find(child.name) ~= child or unit.is_alive(child) then return end
  unit.reset(child)
  chronicle.note(child, "start", self.cause)
  child.dynamic = not child.spec.backoff or nil -- a start that fails is reported, not counted
  unit.wait(child, function(what, why)
    if what == "ended" and why.kind ~= "normal" then
      self.env.log("error", child, "%s: failed to start: %s", self.cause, tostring(why))
    end
  end)
  supervisor:start_child(child)
  self:tell(child:path(), "started")
end

local function add(self, work, spec)
  if not is_current(work) then return end
  local supervisor = work.supervisor
  if work.children:find(spec.name) then
    return self:fail(supervisor:path() .. "/" .. spec.name, "a child of that name was started meanwhile")
  end
  supervisor.finished[spec.name] = nil
  local child = supervisor:add_child(spec)
  if spec.restart_name == "temporary" then child.static = true end
  if spec.autostart ~= false then works.start_later(self, work, child) end
end

local function arrange(work)
  if not is_current(work) or not work.supervisor.spec.children then return end
  local names = {}
  for i, spec in ipairs(work.supervisor.spec.children) do names[i] = spec.name end
  work.children:arrange(names)
end

local function start_all(self)
  for _, one in ipairs(self.additions) do self.pace:put(start, self, one[1], one[2]) end
  self.pace:put(self.worked, self)
end

local function add_all(self)
  for _, work in ipairs(self.works) do
    for _, spec in ipairs(work.add) do self.pace:put(add, self, work, spec) end
    self.pace:put(arrange, work)
  end
  self.pace:put(start_all, self)
end

local function stops_over(self)
  self.stops = self.stops - 1
  if self.stops == 0 then self.pace:put(add_all, self) end
end

-- ---- stopping

-- Whoever stops it by hand meanwhile has the last word.
local function restart_one(self, work, child)
  if child.changing == work then child.changing = nil end
  if not is_current(work) then return end
  if work.halted[child] then return self:tell(child:path(), "stopped") end
  if not work.children:find(child.name) then work.children:add(child) end -- was temporary
  start(self, work, child)
end

local function restart_all(self, work)
  arrange(work)
  for _, one in ipairs(work.restart) do self.pace:put(restart_one, self, work, one) end
  self.pace:put(stops_over, self)
end

local ask

local function restart_later(work, child)
  for _, one in ipairs(work.restart) do
    if one == child then return end
  end
  work.restart[#work.restart + 1] = child
end

-- Somebody has started it meanwhile, or its group was: by the old spec.
local function ask_again(self, work, child)
  if not work.gone[child] then restart_later(work, child) end
  self.pace:put(ask, self, work, child)
end

local function let_go(self, work, child)
  local fresh = work.fresh[child]
  if fresh then return timetable.change(child, fresh) end -- at once: its group may start before its turn comes
  self:tell(child:path(), "removed")
  dynamic.forget(work.supervisor, child)
end

local function on_gone(self, work, child)
  if is_current(work) then
    if unit.is_alive(child) then return ask_again(self, work, child) end
    let_go(self, work, child)
  end
  for _, other in ipairs(work.before[child] or {}) do
    work.blocked[other] = work.blocked[other] - 1
    if work.blocked[other] == 0 then self.pace:put(ask, self, work, other) end
  end
  work.left = work.left - 1
  if work.left == 0 then self.pace:put(restart_all, self, work) end
end

function ask(self, work, child)
  child.changing = nil
  dynamic.terminate_child(work.supervisor, child, function() on_gone(self, work, child) end, self.cause)
  if work.fresh[child] then child.changing = work end
end

-- `first` is to be gone before `second` is asked.
local function put_before(work, first, second)
  local list = work.before[first] or {}
  work.before[first] = list
  list[#list + 1] = second
  work.blocked[second] = (work.blocked[second] or 0) + 1
end

local function order_by_place(work)
  for i = 2, #work.stop do put_before(work, work.stop[i - 1], work.stop[i]) end
end

local function order_by_need(work)
  local known = {}
  for _, child in ipairs(work.stop) do
    known[child.name], known[child:path()] = child, child
  end
  for _, child in ipairs(work.stop) do
    for name in pairs(child.spec.after or {}) do
      local other = known[name]
      if other and other.at < child.at then put_before(work, child, other) end
    end
  end
end

local function begin(self, work)
  table.sort(work.stop, function(a, b) return a.at > b.at end)
  local strategy = work.supervisor.spec.strategy
  local in_line = strategy == "rest_for_one" or strategy == "one_for_all"
  if in_line then order_by_place(work) else order_by_need(work) end
  work.left = #work.stop
  if work.left == 0 then return restart_all(self, work) end
  for _, child in ipairs(work.stop) do
    if not work.blocked[child] then self.pace:put(ask, self, work, child) end
  end
end

-- ---- what is to be done

--- An empty list for the children of a supervisor.
function works.new(self, supervisor)
  local work = { supervisor = supervisor, children = supervisor.children, stop = {}, gone = {}, restart = {}, add = {},
    fresh = {}, halted = {}, before = {}, blocked = {} }
  self.works[#self.works + 1] = work
  return work
end

--- Has a child started after all else.
function works.start_later(self, work, child)
  self.additions[#self.additions + 1] = { work, child }
end

--- Has a child stopped and forgotten.
function works.remove(work, child)
  work.gone[child] = true
  work.stop[#work.stop + 1] = child
end

-- Asked to stop by hand, and not for the sake of its group.
local function is_stopping_by_hand(child)
  local sweep = child.parent.sweep
  return child.phase == "stopping" and not (sweep and sweep.waiting[child])
end

--- Has a child restarted with another spec; one that was or is being stopped by hand only takes it, and one that has a
--- schedule and is down.
function works.restart(self, work, child, spec)
  if child.phase == "stopped" or child.phase == "idle" or spec.schedule and RESTS[child.phase] then
    timetable.change(child, spec)
    if child.phase == "idle" and spec.autostart ~= false then works.start_later(self, work, child) end
    return
  end
  if not is_stopping_by_hand(child) then work.restart[#work.restart + 1] = child end
  work.fresh[child] = spec
  work.stop[#work.stop + 1] = child
end

--- Does all that is to be done; then self.worked(self) is called.
function works.run(self)
  self.stops = #self.works + 1
  for _, work in ipairs(self.works) do self.pace:put(begin, self, work) end
  self.pace:put(stops_over, self)
end

return works
