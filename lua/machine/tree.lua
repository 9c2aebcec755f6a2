-- Tree: the root supervisor's parent. Finds units by path, holds back those that wait for another unit, and reports
-- the end of the root as the end of the tree.

local exit = require "luvisor.core.exit"
local lazy = require "luvisor.core.lazy"
local lookup = lazy "luvisor.machine.lookup"
local precedence = lazy "luvisor.machine.supervisor.precedence"
local unit = require "luvisor.machine.unit"

local Tree = { __name = "luvisor.tree" }
Tree.__index = Tree

local tree = {}

-- ---- finding

--- The unit of a path from the root ("etl/api/web"), with or without the root's name, or of an unambiguous last part.
---@param path string
---@return table|nil unit
---@return string? message
---@return string? code NOT_FOUND or AMBIGUOUS
function Tree:find(path)
  return lookup.find(self.root, path)
end

-- ---- what comes after what

--- Whether everything that a child with `after` comes after is there; if not, it is told when that changes.
function Tree:may_start(child)
  return precedence.may_start(self, child)
end

--- The unit that a waiting child waits for; nil when it is not there.
---@return table|nil
function Tree:blocker(child)
  return precedence.blocker(self, child)
end

--- What a waiting child waits for, in words.
---@return string
function Tree:missing(child)
  return precedence.missing(self, child)
end

--- Something about a unit changed that others may wait for.
function Tree:changed()
  if self.looking or #self.waiting == 0 then return end
  self.looking = true
  self.env.post(precedence.look_again, self)
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
  self.ended = nil
  unit.start(self.root)
end

-- Told once of each life.
local function finish(self, why)
  if self.ended then return end
  self.ended = true
  self.on_end(why)
end

-- One that was never started has ended as it was told to.
local function end_at_once(self)
  self.env.post(finish, self, self.root.last_exit or exit.new { kind = "shutdown" })
end

--- Stops everything; on_end is called when all is gone.
---@param cause? string who asks
function Tree:stop(cause)
  if self.on_stop then self.on_stop() end
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
  finish(self, why)
end

Tree.child_stopped = Tree.child_ended

--- A tree around a unit that there is already.
---@param env table
---@param root? table
---@param on_end? fun(why: luvisor.Exit)
---@return table tree
function tree.of(env, root, on_end)
  local self = setmetatable({ env = env, waiting = {}, waits = {}, on_end = on_end, root = root }, Tree)
  env.tree = self
  return self
end

--- A tree of a resolved spec, not yet started.
---@param env table
---@param spec table the root's, resolved
---@param on_end fun(why: luvisor.Exit)
---@param name? any of the root, if not that of the spec
function tree.new(env, spec, on_end, name)
  local self = tree.of(env, nil, on_end)
  self.root = unit.new(env.kinds[spec.kind], env, spec, self, name)
  return self
end

return tree
