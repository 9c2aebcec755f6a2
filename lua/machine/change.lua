-- Change: makes a running tree follow a plan (core/plan.lua).
--
-- First everything that is changed in place is changed. Then what is to be gone, or to be started anew, is stopped and
-- started (change/work.lua). Workers are upgraded meanwhile, each at its own next actor boundary; what runs in a guest
-- is changed there. Unchanged units keep their spec, and so everything: pid, state, counters. A unit stopped by hand
-- stays stopped; one that was given up, or waits in backoff, starts at once if what was changed may help it. All of it
-- is done a little at a time, so that nobody waits for the change of many.

local chronicle = require "luvisor.machine.chronicle"
local pace = require "luvisor.machine.change.pace"
local plans = require "luvisor.core.plan"
local program_change = require "luvisor.machine.program.change"
local remote_change = require "luvisor.machine.remote.change"
local routine = require "luvisor.machine.worker.routine"
local shallow = require "luvisor.core.shallow"
local timetable = require "luvisor.machine.timetable"
local unit = require "luvisor.machine.unit"
local upgrade = require "luvisor.machine.worker.upgrade"
local works = require "luvisor.machine.change.work"

local change = {}

-- ---- when all is done

local function finish_one(self)
  self.open = self.open - 1
  if self.open > 0 then return end
  self.env.tree:changed()
  self.done(self.failures, nil, self.started)
end

-- Steps are counted for those who look on; one may have more than one part.
local function tell(self, path, what)
  if self.told < self.total then self.told = self.told + 1 end
  if what == "started" then self.started[#self.started + 1] = path end
  if self.look_on then self.look_on(self.told, self.total, path, what) end
end

local function fail(self, path, message)
  self.failures[#self.failures + 1] = { path = path, message = message }
end

-- ---- what becomes of one unit

local HELPED = { backoff = true, fatal = true, done = true }

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

-- Those below that went on as they were are in the tree as they were, for the next plan.
local function put_back_below(node, path)
  for i, one in ipairs(node.children) do
    if one.new.path == path then node.new.children[i] = one.old or one.new end
    put_back_below(one, path)
  end
end

-- What is to be called when code has been changed, here or in a guest.
local function when_upgraded(self, work, child, node)
  local old, spec = child.spec, node.new
  self.open = self.open + 1
  return function(ok, message, failures, started)
    for _, path in ipairs(started or {}) do self.started[#self.started + 1] = path end
    if not ok then
      put_back(work.supervisor, spec, old)
      fail(self, child:path(), message)
      self.env.log("error", child, "upgrade failed, the old code goes on: %s", message)
    end
    for _, one in ipairs(failures or {}) do
      put_back_below(node, one.path)
      self.failures[#self.failures + 1] = one
    end
    if not ok then note(self, child, "upgrade failed: " .. message) end
    if ok and node.action == "upgrade" then note(self, child, "upgraded") end
    tell(self, child:path(), ok and "upgraded" or "not upgraded")
    finish_one(self)
  end
end

local function begin_upgrade(self, work, child, node)
  upgrade.begin(child, node.new, node.action == "upgrade", when_upgraded(self, work, child, node))
end

local treat = {}

local GOES_ON = { same = true, change = true }

function treat.same() end

function treat.change(self, work, child, node)
  local spec = node.new
  note(self, child, "changed in place: " .. plans.keys(node))
  tell(self, child:path(), "changed")
  if spec.kind == "program" then return program_change.apply(child, spec, node.differences) end
  if spec.kind == "supervisor" then return end
  if node.timeouts and upgrade.is_possible(child) then return begin_upgrade(self, work, child, node) end
  if child.next_spec then -- of a reload that kept it as it runs
    child.next_spec, spec = spec, shallow(spec)
  end
  child.spec = node.timeouts and spec or with_old_code(spec, child.spec)
end

function treat.upgrade(self, work, child, node)
  if upgrade.is_possible(child) then return begin_upgrade(self, work, child, node) end
  if unit.is_alive(child) or HELPED[child.phase] then return works.restart(self, work, child, node.new) end
  child.spec, child.next_spec = node.new, nil
end

function treat.restart(self, work, child, node)
  works.restart(self, work, child, node.new)
end

function treat.keep(_, _, child, node)
  if node.new.kind == "program" then
    timetable.change(child, node.new)
    return program_change.apply(child, node.new, node.differences)
  end
  child.next_spec, child.special = node.new, true
end

-- ---- what runs in a guest

-- One whose guest has not begun, or has ended, loads the new code with its next start.
local function treat_remote(self, work, child, node)
  local is_ours = node.action == "change" and not node.timeouts and remote_change.is_foreign(child)
  if is_ours or not remote_change.is_needed(node) then
    if node.new.kind == "worker" or not GOES_ON[node.action] then return treat[node.action](self, work, child, node) end
  elseif remote_change.is_possible(child) then
    if node.action == "change" then note(self, child, "changed in place: " .. plans.keys(node)) end
    return remote_change.begin(child, node, self.cause, when_upgraded(self, work, child, node))
  elseif node.action == "upgrade" or child.phase ~= "stopping" and child.run and child.run.guest then
    return treat.upgrade(self, work, child, node)
  end
  child.spec = node.new
end

-- ---- the tree

local visit

local function visit_later(self, supervisor, node)
  self.visits = self.visits + 1
  self.pace:put(visit, self, supervisor, node)
end

-- It was forgotten when it ended, and would not be any more.
local function is_kept_now(node)
  return node.old.restart_name == "temporary" and node.new.restart_name ~= "temporary"
end

local function treat_child(self, work, child, node)
  local supervisor = work.supervisor
  if node.action == "add" or not child then
    supervisor.finished[node.new.name] = nil
    if child and not work.gone[child] then works.remove(work, child) end -- it was added at run time
    if not GOES_ON[node.action] or is_kept_now(node) then work.add[#work.add + 1] = node.new end
    return
  end
  local idle = child.phase == "idle" and supervisor.state.name == "running" and child.spec.autostart ~= false
  if idle and node.action == "change" then works.start_later(self, work, child) end
  if child.remote then return treat_remote(self, work, child, node) end
  treat[node.action](self, work, child, node)
  if node.new.kind == "supervisor" and GOES_ON[node.action] then visit_later(self, child, node) end
end

-- Units that do not change keep their spec.
local function graft(node)
  for i, one in ipairs(node.children) do
    if one.new.kind == "supervisor" then
      if GOES_ON[one.action] then graft(one) end
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

local function treat_one(self, work, name, node)
  local children = work.children
  if work.supervisor.children == children then treat_child(self, work, children:find(name), node) end
  self:visited()
end

local function treat_later(self, work, name, node)
  if node.action == "same" and node.new.kind ~= "supervisor" then return end
  self.visits = self.visits + 1
  self.pace:put(treat_one, self, work, name, node)
end

local function treat_children(self, work, node)
  local children = work.supervisor.children
  for _, one in ipairs(node.removed) do
    local child = children:find(one.old.name)
    work.supervisor.finished[one.old.name] = nil
    if child then works.remove(work, child) end
  end
  for _, one in ipairs(node.children) do treat_later(self, work, one.new.name, one) end
  if node.template then
    for _, child in ipairs(children:all()) do treat_later(self, work, child.name, node.template) end
  end
end

function visit(self, supervisor, node)
  supervisor.spec = node.new
  if supervisor.up then
    if node.action == "change" then supervisor.intensity:change(node.new.intensity) end
    treat_children(self, works.new(self, supervisor), node)
  end
  self:visited()
end

local Change = {}
Change.__index = Change

function Change:visited()
  self.visits = self.visits - 1
  if self.visits == 0 then works.run(self) end
end

local function begin(self, plan)
  graft(plan.tree)
  visit_later(self, self.env.tree.root, plan.tree)
end

--- Applies a plan; done(failures) is called once everything that was to stop is gone, everything that was to start
--- has been started, and every upgrade is over. failures: { { path =, message = } }, of upgrades that did not work out;
--- started: paths. done(nil, message) after an error in here.
---@param tree table
---@param plan luvisor.Plan
---@param done fun(failures: { path: string, message: string }[]|nil, message: string|nil, started: string[]|nil)
---@param cause? string who asked for it, as `why` has it: "reload by uid 1000"
---@param look_on? fun(done: integer, total: integer, path: string, what: string) of each step
function change.apply(tree, plan, done, cause, look_on)
  local self = setmetatable({
    env = tree.env, done = done, cause = cause or "reload", failures = {}, started = {}, works = {}, additions = {},
    open = 1, visits = 0, worked = finish_one, tell = tell, fail = fail, told = 0,
    total = #(plan.steps or {}), look_on = look_on,
  }, Change)
  self.pace = pace.new(tree.env, function(message) done(nil, message) end)
  self.pace:put(begin, self, plan)
end

return change
