-- Remote change: has the guest of a unit follow what a plan says of the unit and of what is below it. The guest loads
-- the new code beside the old, and applies the same plan to its own tree; its unit keeps its runtime, and all it has.

local exit = require "luvisor.core.exit"
local parcel = require "luvisor.core.plan.parcel"
local unit = require "luvisor.machine.unit"

local remote_change = {}

-- What the unit in the guest looks at itself.
local INSIDE = { shutdown = true, strategy = true, intensity = true, auto_shutdown = true, max_children = true }

--- Whether the guest has to be told.
---@param node luvisor.Node
---@return boolean
function remote_change.is_needed(node)
  if node.action == "restart" or node.action == "keep" then return false end
  if node.action == "upgrade" or node.timeouts or node.is_mixed then return true end
  for _, one in ipairs(node.differences or {}) do
    if INSIDE[one.key] then return true end
  end
  return false
end

--- Whether it runs on an executor of the script's own that has no guest of luvisor's.
---@param self table a unit
---@return boolean
function remote_change.is_foreign(self)
  local guest = self.run and self.run.guest
  return guest and guest.follows and not guest:follows() or false
end

--- Whether there is a guest that can be told.
---@param self table a remote unit
---@return boolean
function remote_change.is_possible(self)
  local run = self.run
  if not run or not run.guest or run.asked or run.told or run.killing or not unit.is_alive(self) then return false end
  return not remote_change.is_foreign(self)
end

local function told(self, node, cause)
  local order = self.env.guests.order(self, node.new)
  order.change, order.cause = parcel.pack(node), cause
  return order
end

-- One that has ended meanwhile takes the new spec with its next start.
local function settle(self, node, ok, code)
  local waiting = self.next_spec == node.new
  if waiting then self.next_spec = nil end
  if waiting and (ok or code == "NOT_RUNNING") then self.spec = node.new end
  return ok or code == "NOT_RUNNING"
end

--- Begins; done(ok, message, failures) is called once, later. failures: of units below it, { { path =, message = } }.
---@param self table a remote unit
---@param node luvisor.Node
---@param cause string
---@param done fun(ok: boolean, message: string|nil, failures: table[]|nil, started: string[]|nil)
function remote_change.begin(self, node, cause, done)
  local settings, limit, over = self.env.settings, nil, nil
  local seconds = settings.load_timeout + settings.change_timeout
  local function finish(ok, result, code) -- if all is well, the third are the paths of those that were started
    if over then return end
    over = true
    if self.run then self.run.following = nil end
    self.env.cancel(limit)
    if settle(self, node, ok, code) then return done(true, nil, ok and result or nil, ok and code or nil) end
    done(false, result)
  end
  -- Whether such a guest has the new code or the old one nobody knows: the next one has the new.
  local function give_up(message)
    local failure = { path = self:path(), message = message .. "; it is started anew with what it was to become" }
    self:fail(exit.new { kind = "timeout", deadline = "change", message = message })
    finish(true, { failure })
  end
  local function begin_wait()
    self.env.cancel(limit)
    limit = self.env.after(seconds, give_up, ("its runtime does not answer a change within %g s"):format(seconds))
  end
  self.next_spec, self.special = node.new, true
  begin_wait()
  -- What stops and starts in a tree has limits of its own: its guest says now and then that it is still at it.
  self.run.following = self.spec.kind == "supervisor" and begin_wait or nil
  self:forward(self, "follow", told(self, node, cause), finish)
end

return remote_change
