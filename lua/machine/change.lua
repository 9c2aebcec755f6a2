-- Change: makes a running tree follow a plan (core/plan.lua).
--
-- First everything that is changed in place is changed, in one go. Then what is to be gone, or to be started anew, is
-- stopped: in reverse start order, where nothing depends on the order side by side, each wholly gone before its
-- successor starts. What was restarted starts as soon as its own supervisor's stops are over, what is added when all
-- are, so that a unit that moved finds its port free. Workers are upgraded meanwhile, each at its own next actor
-- boundary. Unchanged units keep their spec, and so everything: pid, state, counters. A unit stopped by hand stays
-- stopped; one that was given up, or waits in backoff, starts at once if what was changed may help it.

local chronicle = require "luvisor.machine.chronicle"
local dynamic = require "luvisor.machine.dynamic"
local plans = require "luvisor.core.plan"
local program_change = require "luvisor.machine.program_change"
local routine = require "luvisor.machine.routine"
local unit = require "luvisor.machine.unit"
local upgrade = require "luvisor.machine.upgrade"

local change = {}

-- ---- when all is done

local function finish_one(self)
  self.open = self.open - 1
  if self.open > 0 then return end
  self.env.tree:changed()
  self.done(self.failures)
end

local function fail(self, child, message)
  self.failures[#self.failures + 1] = { path = child:path(), message = message }
end

-- ---- starting

local function start(self, supervisor, child)
  if not supervisor.up or unit.is_alive(child) then return end
  unit.reset(child)
  chronicle.note(child, "start", self.cause)
  child.dynamic = not child.spec.backoff or nil -- a start that fails is reported, not counted
  unit.wait(child, function(what, why)
    if what == "ended" and why.kind ~= "normal" then
      self.env.log("error", child, "reload: failed to start: %s", tostring(why))
    end
  end)
  supervisor:start_child(child)
end

local function add(self, supervisor, spec)
  if not supervisor.up then return end
  supervisor.finished[spec.name] = nil
  local child = supervisor:add_child(spec)
  if spec.restart_name == "temporary" then child.static = true end
  if spec.autostart ~= false then self.additions[#self.additions + 1] = { supervisor, child } end
end

local function arrange(supervisor)
  local names = {}
  for i, spec in ipairs(supervisor.spec.children) do names[i] = spec.name end
  supervisor.children:arrange(names)
end

local function add_all(self)
  for _, work in ipairs(self.works) do
    for _, spec in ipairs(work.add) do add(self, work.supervisor, spec) end
    if work.supervisor.up and work.supervisor.spec.children then arrange(work.supervisor) end
  end
  for _, one in ipairs(self.additions) do start(self, one[1], one[2]) end
  finish_one(self)
end

local function stops_over(self)
  self.stops = self.stops - 1
  if self.stops == 0 then self.env.post(add_all, self) end
end

-- ---- stopping

local function depends(one, other)
  local after = one.spec.after
  return after and (after[other.name] or after[other:path()]) ~= nil
end

local function is_blocked(work, child)
  if not work.ordered then return false end
  for other in pairs(work.waiting) do
    if other ~= child and other.at > child.at then
      if work.in_line or depends(other, child) then return true end
    end
  end
  return false
end

local function restart_all(self, work)
  if work.supervisor.up and work.supervisor.spec.children then arrange(work.supervisor) end
  for _, one in ipairs(work.restart) do
    local child = one.child
    child.spec = one.spec
    if not work.supervisor.children:find(child.name) then work.supervisor.children:add(child) end -- was temporary
    start(self, work.supervisor, child)
  end
end

local stop_next

local function on_gone(self, work, child)
  work.waiting[child] = nil
  if work.gone[child] then work.supervisor.children:remove(child) end
  stop_next(self, work)
end

function stop_next(self, work)
  for _, child in ipairs(work.idle > 0 and work.stop or {}) do
    if work.waiting[child] == "idle" and not is_blocked(work, child) then
      work.waiting[child], work.idle = "asked", work.idle - 1
      dynamic.terminate_child(work.supervisor, child, function() on_gone(self, work, child) end, self.cause)
    end
  end
  if next(work.waiting) or work.over then return end
  work.over = true
  restart_all(self, work)
  stops_over(self)
end

local function begin_stops(self, work)
  table.sort(work.stop, function(a, b) return a.at > b.at end)
  work.idle, work.ordered = #work.stop, work.in_line
  for _, child in ipairs(work.stop) do
    work.waiting[child] = "idle"
    work.ordered = work.ordered or child.spec.after ~= nil
  end
  stop_next(self, work)
end

-- ---- what becomes of one unit

local HELPED = { backoff = true, fatal = true, done = true }

local function stop(work, child)
  work.stop[#work.stop + 1] = child
end

local function restart(self, work, child, spec)
  if child.phase == "stopped" or child.phase == "idle" then
    child.spec = spec
    if child.phase == "idle" and spec.autostart ~= false then
      self.additions[#self.additions + 1] = { work.supervisor, child }
    end
    return
  end
  work.restart[#work.restart + 1] = { child = child, spec = spec }
  stop(work, child)
end

-- What a worker that is not touched keeps of its old spec.
local function with_old_code(spec, old)
  spec.module, spec.args, spec.fsm, spec.ready = old.module, old.args, old.fsm, old.ready
  return routine.keep_code(spec, old)
end

-- The spec of a supervisor's child in the supervisor's list is the one that its next start takes.
local function put_back(supervisor, spec, old)
  for i, one in ipairs(supervisor.spec.children or {}) do
    if one == spec then supervisor.spec.children[i] = old end
  end
end

local function note(self, child, text)
  chronicle.note(child, "changed", ("%s: %s"):format(self.cause, text))
end

local function begin_upgrade(self, work, child, node)
  local old, spec = child.spec, node.new
  self.open = self.open + 1
  upgrade.begin(child, spec, node.action == "upgrade", function(ok, message)
    if not ok then
      put_back(work.supervisor, spec, old)
      fail(self, child, message)
      self.env.log("error", child, "upgrade failed, the old code goes on: %s", message)
    end
    note(self, child, ok and "upgraded" or "upgrade failed: " .. message)
    finish_one(self)
  end)
end

local treat = {}

function treat.same() end

function treat.change(self, work, child, node)
  local spec = node.new
  note(self, child, "changed in place: " .. plans.keys(node))
  if spec.kind == "program" then return program_change.apply(child, spec, node.differences) end
  if spec.kind == "supervisor" then return end
  if node.timeouts and upgrade.is_possible(child) then return begin_upgrade(self, work, child, node) end
  child.spec = node.timeouts and spec or with_old_code(spec, child.spec)
end

function treat.upgrade(self, work, child, node)
  if upgrade.is_possible(child) then return begin_upgrade(self, work, child, node) end
  if unit.is_alive(child) or HELPED[child.phase] then return restart(self, work, child, node.new) end
  child.spec = node.new
end

function treat.restart(self, work, child, node)
  restart(self, work, child, node.new)
end

function treat.keep(_, _, child, node)
  if node.new.kind == "program" then return program_change.apply(child, node.new, node.differences) end
  child.next_spec, child.special = node.new, true
end

-- ---- the tree

local visit

local function treat_child(self, work, child, node)
  local supervisor = work.supervisor
  if node.action == "add" or not child then
    supervisor.finished[node.new.name] = nil
    if node.action ~= "same" and node.action ~= "change" then work.add[#work.add + 1] = node.new end
    return
  end
  treat[node.action](self, work, child, node)
  local idle = child.phase == "idle" and supervisor.state.name == "running" and child.spec.autostart ~= false
  if idle and node.action == "change" then self.additions[#self.additions + 1] = { supervisor, child } end
  local goes_on = node.action == "same" or node.action == "change"
  if node.new.kind == "supervisor" and goes_on then visit(self, child, node) end
end

-- Units that do not change keep their spec.
local function graft(node)
  for i, one in ipairs(node.children) do
    if one.new.kind == "supervisor" then
      if one.action == "same" or one.action == "change" then graft(one) end
    elseif one.action == "same" then
      one.old.where = one.new.where
      node.new.children[i] = one.old
    end
  end
  local template = node.template
  if not template then return end
  if template.new.kind == "supervisor" then return graft(template) end
  if template.action == "same" then node.new.template = template.old end
end

local function new_work(supervisor)
  return { supervisor = supervisor, stop = {}, waiting = {}, gone = {}, restart = {}, add = {} }
end

local function treat_children(self, work, node)
  local children = work.supervisor.children
  for _, one in ipairs(node.removed) do
    local child = children:find(one.old.name)
    work.supervisor.finished[one.old.name] = nil
    if child then
      work.gone[child] = true
      stop(work, child)
    end
  end
  for _, one in ipairs(node.children) do treat_child(self, work, children:find(one.new.name), one) end
  if node.template then
    for _, child in ipairs(children:all()) do treat_child(self, work, child, node.template) end
  end
end

function visit(self, supervisor, node)
  supervisor.spec = node.new
  if not supervisor.up then return end
  if node.action == "change" then supervisor.intensity:change(node.new.intensity) end
  local work = new_work(supervisor)
  local strategy = supervisor.spec.strategy
  work.in_line = strategy == "rest_for_one" or strategy == "one_for_all"
  self.works[#self.works + 1] = work
  treat_children(self, work, node)
end

local function run(self, plan)
  graft(plan.tree)
  visit(self, self.env.tree.root, plan.tree)
  self.stops = #self.works + 1
  for _, work in ipairs(self.works) do begin_stops(self, work) end
  stops_over(self)
end

--- Applies a plan; done(failures) is called once everything that was to stop is gone, everything that was to start
--- has been started, and every upgrade is over. failures: { { path =, message = } }, of upgrades that did not work out.
---@param tree table
---@param plan luvisor.Plan
---@param done fun(failures: { path: string, message: string }[])
---@param cause? string who asked for it, as `why` has it: "reload by uid 1000"
function change.apply(tree, plan, done, cause)
  local self = {
    env = tree.env, done = done, cause = cause or "reload", failures = {}, works = {}, additions = {},
    open = 1, stops = 0,
  }
  run(self, plan)
end

return change
