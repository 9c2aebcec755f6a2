-- Precedence: what comes after what: which conditions a unit with `after` waits for.

local exit = require "luvisor.core.exit"
local unit = require "luvisor.machine.unit"

local precedence = {}

local NONE = {} -- of a child that waited when a reload took its `after` away

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
  for reference, condition in pairs(child.spec.after or NONE) do
    local target = target_of(self, child, reference)
    if not target or not conditions[condition](target) then return reference, condition, target end
  end
end

--- Whether everything that a child with `after` comes after is there; if not, it is told when that changes.
function precedence.may_start(self, child)
  if not first_missing(self, child) then return true end
  if not self.waits[child] then
    self.waits[child] = true
    self.waiting[#self.waiting + 1] = child
  end
  return false
end

--- The unit that a waiting child waits for; nil when it is not there.
---@return table|nil
function precedence.blocker(self, child)
  return select(3, first_missing(self, child))
end

--- What a waiting child waits for, in words.
---@return string
function precedence.missing(self, child)
  local reference, condition, target = first_missing(self, child)
  if not reference then return "nothing" end
  if target and target.phase == "fatal" then
    return ("%s to be %s, which is FATAL: %s"):format(reference, condition, tostring(target.last_exit))
  end
  return ("%s to be %s"):format(reference, condition)
end

--- Something about a unit has changed that others may wait for.
---@param self table the tree
function precedence.look_again(self)
  self.looking = nil
  local waiting = self.waiting
  self.waiting, self.waits = {}, {}
  for _, child in ipairs(waiting) do
    if child.phase == "waiting" then
      if first_missing(self, child) then
        precedence.may_start(self, child)
      else
        child.parent:child_may_start(child)
      end
    end
  end
end

return precedence
