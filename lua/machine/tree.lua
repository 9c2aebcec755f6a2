-- Tree: the root supervisor's parent. Finds units by path, holds back those that wait for another unit, and reports
-- the end of the root as the end of the tree.

local lazy = require "luvisor.core.lazy"
local branch = lazy "luvisor.machine.branch"
local exit = require "luvisor.core.exit"
local suggest = require "luvisor.core.suggest"
local unit = require "luvisor.machine.unit"

local Tree = { __name = "luvisor.tree" }
Tree.__index = Tree

local tree = {}

-- ---- finding

local MOST_HINTS = 1000 -- units that are looked at for one that was meant

local function collect(at, name, found)
  for _, child in ipairs(branch.children(at)) do
    if tostring(child.name) == name then found[#found + 1] = child end
    collect(child, name, found)
  end
end

local function add_names(at, name_of, names)
  for _, child in ipairs(branch.children(at)) do
    if #names >= MOST_HINTS then return names end
    names[#names + 1] = name_of(child)
    add_names(child, name_of, names)
  end
  return names
end

local function last_part(one) return tostring(one.name) end
local function whole_path(one) return one:path() end

local function not_found(self, path)
  local names = add_names(self.root, path:find("/", 1, true) and whole_path or last_part, {})
  return nil, ("no unit %s%s"):format(path, suggest.hint(path, names)), "NOT_FOUND"
end

local function by_last_part(self, name)
  local found = {}
  if self.root.name == name then return self.root end
  collect(self.root, name, found)
  if #found == 1 then return found[1] end
  if #found == 0 then return not_found(self, name) end
  local paths = {}
  for i, one in ipairs(found) do paths[i] = one:path() end
  return nil, ("%s is ambiguous: %s"):format(name, table.concat(paths, ", ")), "AMBIGUOUS"
end

--- The unit of a path from the root ("etl/api/web"), with or without the root's name, or of an unambiguous last part.
---@param path string
---@return table|nil unit
---@return string? message
---@return string? code NOT_FOUND or AMBIGUOUS
function Tree:find(path)
  local first, rest = path:match("^([^/]+)/?(.*)$")
  if not first then return nil, "no unit of an empty name", "NOT_FOUND" end
  local found = first == self.root.name and branch.find(self.root, rest) or branch.find(self.root, path)
  if found then return found end
  if path:find("/", 1, true) then return not_found(self, path) end
  return by_last_part(self, path)
end

-- ---- what comes after what

local conditions = {}

function conditions.started(target)
  return target.generation > 0 and (unit.is_alive(target) or target.phase == "done")
end

function conditions.ready(target)
  return target.phase == "running" or conditions.done(target)
end

function conditions.done(target)
  return target.phase == "done" and target.last_exit ~= nil and exit.is_normal(target.last_exit)
end

local function target_of(self, child, reference)
  local parent = child.parent
  return parent.children:find(reference) or parent.finished[reference] or self:find(reference)
end

-- the first condition that does not hold: reference, condition, target
local function first_missing(self, child)
  for reference, condition in pairs(child.spec.after) do
    local target = target_of(self, child, reference)
    if not target or not conditions[condition](target) then return reference, condition, target end
  end
end

--- Whether everything that a child with `after` comes after is there; if not, it is told when that changes.
function Tree:may_start(child)
  if not first_missing(self, child) then return true end
  if not self.waits[child] then
    self.waits[child] = true
    self.waiting[#self.waiting + 1] = child
  end
  return false
end

--- The unit that a waiting child waits for; nil when it is not there.
---@return table|nil
function Tree:blocker(child)
  return select(3, first_missing(self, child))
end

--- What a waiting child waits for, in words.
---@return string
function Tree:missing(child)
  local reference, condition, target = first_missing(self, child)
  if not reference then return "nothing" end
  if target and target.phase == "fatal" then
    return ("%s to be %s, which is FATAL: %s"):format(reference, condition, tostring(target.last_exit))
  end
  return ("%s to be %s"):format(reference, condition)
end

local function look_again(self)
  self.looking = nil
  local waiting = self.waiting
  self.waiting, self.waits = {}, {}
  for _, child in ipairs(waiting) do
    if child.phase == "waiting" then
      if first_missing(self, child) then
        self:may_start(child)
      else
        child.parent:child_may_start(child)
      end
    end
  end
end

--- Something about a unit changed that others may wait for.
function Tree:changed()
  if self.looking or #self.waiting == 0 then return end
  self.looking = true
  self.env.post(look_again, self)
end

-- ---- nothing left to do

local RESTS = { fatal = true, done = true, stopped = true }

-- Whether something runs, or will without anybody's help.
local function is_busy(self)
  if self.children then return self.children:search(is_busy) ~= nil end
  return not RESTS[self.phase] and not (self.phase == "idle" and self.spec.autostart == false) or self.spec.schedule
end

local function look_for_life(self)
  self.dying = nil
  local was_dead = self.dead
  self.dead = not is_busy(self.root)
  if self.dead and not was_dead and self.root.up then
    self.env.log("warn", self.root,
      "nothing runs any more, and nothing will: units are FATAL; start them, or end the host")
  end
end

--- A unit was given up; when that was the last one that ran, it is said, once.
function Tree:note_fatal()
  if self.dying then return end
  self.dying = true
  self.env.post(look_for_life, self)
end

-- ---- life

--- A critical unit was given up: the tree ends.
function Tree:fail(child, why)
  self.root:fail(exit.new { kind = "error", cause = why, child = child:path(),
    message = ("critical unit %s is FATAL: %s"):format(child:path(), tostring(why)) })
end

function Tree:start()
  unit.start(self.root)
end

-- One that was never started has ended as it was told to.
local function end_at_once(self)
  self.env.post(self.on_end, self.root.last_exit or exit.new { kind = "shutdown" })
end

--- Stops everything; on_end is called when all is gone.
---@param cause? string who asks
function Tree:stop(cause)
  if unit.ask_to_stop(self.root, cause) then end_at_once(self) end
end

--- Kills everything; on_end is called when all is gone.
---@param cause? string
function Tree:kill(cause)
  if unit.ask_to_kill(self.root, cause) then end_at_once(self) end
end

function Tree:child_ready()
  if self.on_ready then self.on_ready() end
end

function Tree:child_ended(_, why)
  self.on_end(why)
end

function Tree:child_stopped(_, why)
  self.on_end(why)
end

--- A tree of a resolved spec, not yet started.
---@param env table
---@param spec table the root's, resolved
---@param on_end fun(why: luvisor.Exit)
---@param name? any of the root, if not that of the spec
function tree.new(env, spec, on_end, name)
  local self = setmetatable({ env = env, waiting = {}, waits = {}, on_end = on_end }, Tree)
  env.tree = self
  self.root = unit.new(env.kinds[spec.kind], env, spec, self, name)
  return self
end

return tree
