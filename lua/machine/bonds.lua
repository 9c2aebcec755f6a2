-- Bonds: monitors and links. Whoever monitors a unit gets one message when its generation ends: "down", reference,
-- handle, exit. Units that are linked end together: when one ends other than well, the other ends with it, or gets
-- the message "exit", handle, exit if it traps. Of linked units of which one is no worker only the worker ends.

local ends = require "luvisor.machine.ends"
local exchange = require "luvisor.machine.exchange"
local exit = require "luvisor.core.exit"
local handle = require "luvisor.machine.handle"
local mailbox = require "luvisor.machine.mailbox"
local unit = require "luvisor.machine.unit"

local bonds = {}

local last = 0

local function is_same(self, generation)
  return self.generation == generation and self.instance ~= nil
end

local function bonds_of(self)
  local box = mailbox.of(self)
  box.bonds = box.bonds or {}
  return box.bonds
end

-- ---- monitors

--- Has a worker told of the end of another unit; at once if that does not run. Returns the reference.
function bonds.monitor(self, other)
  last = last + 1
  local reference, generation = last, self.generation
  local function tell(_, why)
    if not is_same(self, generation) then return end
    bonds_of(self)[reference] = nil
    exchange.tell(self, "down", reference, handle.of(other), why)
  end
  if unit.is_alive(other) then
    bonds_of(self)[reference] = ends.add(self.env.ends, other, tell)
  else
    tell(other, other.last_exit)
  end
  return reference
end

local function drop_message(box, reference)
  mailbox.take(box, 1, function(letter) return letter[1] == "down" and letter[2] == reference end)
end

--- Ends a monitor; a message that has come already is taken back.
function bonds.demonitor(self, reference)
  local mine = bonds_of(self)
  if mine[reference] then ends.remove(self.env.ends, mine[reference]) end
  mine[reference] = nil
  drop_message(mailbox.of(self), reference)
end

-- ---- links

local function break_one(self, other, why)
  local box = mailbox.of(self)
  if not box then return end
  if box.traps then return exchange.tell(self, "exit", handle.of(other), why) end
  if exit.is_normal(why) then return end
  self:fail(exit.new { kind = "error", cause = why,
    message = ("linked unit %s has ended: %s"):format(other:path(), tostring(why)) })
end

local function watch(self, other)
  local generation = self.generation
  local mine = bonds_of(self)
  mine[other] = ends.add(self.env.ends, other, function(_, why)
    if not is_same(self, generation) then return end
    bonds_of(self)[other] = nil
    break_one(self, other, why)
  end)
end

--- Links a worker to another unit.
function bonds.link(self, other)
  if self == other then return true end
  if not unit.is_alive(other) then
    break_one(self, other, other.last_exit or exit.new { kind = "error", message = "not running" })
    return true
  end
  if not bonds_of(self)[other] then watch(self, other) end
  if other.instance and not bonds_of(other)[self] then watch(other, self) end
  return true
end

local function unwatch(self, other)
  if not self.instance then return end
  local mine = bonds_of(self)
  if mine[other] then ends.remove(self.env.ends, mine[other]) end
  mine[other] = nil
end

--- Ends a link.
function bonds.unlink(self, other)
  unwatch(self, other)
  unwatch(other, self)
  return true
end

--- Whether exits of linked units come as messages.
function bonds.trap(self, on)
  mailbox.of(self).traps = on or nil
end

return bonds
