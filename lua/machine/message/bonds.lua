-- Bonds: monitors and links. Whoever monitors a unit gets one message when its generation ends: "down", reference,
-- handle, exit. Units that are linked end together: when one ends other than well, the other ends with it, or gets
-- the message "exit", handle, exit if it traps. Of linked units of which one is no worker only the worker ends.
--
-- A bond is kept where both units are known: in their runtime, or in the host's, whose units of guests (those with a
-- `tell`) stand for them. The guest of such a worker is told what becomes of it, by arrive; there the box of the
-- worker's generation has noted what it may be told.

local ends = require "luvisor.machine.supervisor.ends"
local exchange = require "luvisor.machine.message.exchange"
local exit = require "luvisor.core.exit"
local handle = require "luvisor.machine.handle"
local mailbox = require "luvisor.machine.message.mailbox"
local unit = require "luvisor.machine.unit"

local bonds = {}

local last = 0
local held = setmetatable({}, { __mode = "k" }) -- unit -> by reference, or by the other unit of a link -> bond

-- ---- what becomes of a bond, to a worker of this runtime

local effects = {}

function effects.down(self, reference, other, why)
  exchange.tell(self, "down", reference, other, why)
end

function effects.exit(self, _, other, why)
  local box = mailbox.of(self)
  if not box then return end
  if box.traps then return exchange.tell(self, "exit", other, why) end
  if exit.is_normal(why) then return end
  self:fail(exit.new { kind = "error", cause = why,
    message = ("linked unit %s has ended: %s"):format(other.path, tostring(why)) })
end

local function say(self, what, key, ...)
  if self.tell then return self:tell(self, what, key, ...) end
  if effects[what] then effects[what](self, key, ...) end
end

-- What a worker may be told by the host: references of its monitors, and paths of units that it is linked to.
local function expected(self)
  local box = mailbox.of(self)
  box.bonds = box.bonds or {}
  return box.bonds
end

--- The host says something of a bond to a unit of this runtime, or of a guest of this one.
---@param self table
---@param what "down"|"exit"|"linked"|"unlinked"
---@param key any a reference, or a path
function bonds.arrive(self, what, key, ...)
  if self.tell then return self:tell(self, what, key, ...) end
  if not mailbox.of(self) then return end
  local mine = expected(self)
  if what == "linked" then
    mine[key] = true
  elseif mine[key] then
    mine[key] = nil
    say(self, what, key, ...)
  end
end

-- ---- keeping them

local function undo(bond)
  held[bond.unit][bond.key] = nil
  ends.remove(bond.store, bond.guard)
  ends.remove(bond.store, bond.watch)
end

-- Calls tell(why) when the other unit ends, unless `self` ends before.
local function tie(self, key, other, tell)
  local store = self.env.ends
  local bond = { unit = self, key = key, store = store }
  held[self] = held[self] or {}
  held[self][key] = bond
  bond.guard = ends.add(store, self, function() undo(bond) end)
  bond.watch = ends.add(store, other, function(_, why)
    undo(bond)
    tell(why)
  end)
end

local function untie(self, key)
  local bond = held[self] and held[self][key]
  if bond then undo(bond) end
  return bond ~= nil
end

-- ---- monitors

--- As monitor, with a reference of the worker's own runtime.
function bonds.watch(self, reference, other)
  if not unit.is_alive(other) then return say(self, "down", reference, handle.of(other), other.last_exit) end
  tie(self, reference, other, function(why) say(self, "down", reference, handle.of(other), why) end)
end

--- Has a worker told of the end of another unit; at once if that does not run. Returns the reference, or nil, message,
--- CODE.
function bonds.monitor(self, other)
  last = last + 1
  local reference = last
  if not other.address then
    bonds.watch(self, reference, other)
    return reference
  end
  local mine = expected(self)
  mine[reference] = true
  local ok, message, code = self.env.inquiry:ask("monitor", self, reference, other.address)
  if ok then return reference end
  mine[reference] = nil
  return nil, message, code
end

--- Ends a monitor; a message that has come already is taken back.
function bonds.demonitor(self, reference)
  local box = mailbox.of(self)
  if not bonds.unwatch(self, reference) and box.bonds and box.bonds[reference] then
    box.bonds[reference] = nil
    self.env.inquiry:tell("demonitor", self, reference)
  end
  mailbox.take(box, 1, function(letter) return letter[1] == "down" and letter[2] == reference end)
end

--- Ends what watch began; false when that is over.
bonds.unwatch = untie

-- ---- links

local function join(self, other)
  local path = other:path()
  say(self, "linked", path)
  tie(self, other, other, function(why) say(self, "exit", path, handle.of(other), why) end)
end

--- Links a worker to another unit: true, or nil, message, CODE.
function bonds.link(self, other)
  if other.address then return self.env.inquiry:ask("link", self, other.address) end
  if self == other or held[self] and held[self][other] then return true end
  if not unit.is_alive(other) then
    say(self, "linked", other:path())
    say(self, "exit", other:path(), handle.of(other),
      other.last_exit or exit.new { kind = "error", message = "not running" })
    return true
  end
  join(self, other)
  if other.spec.kind == "worker" then join(other, self) end
  return true
end

--- Ends a link: true, or nil, message, CODE.
function bonds.unlink(self, other)
  if other.address then return self.env.inquiry:ask("unlink", self, other.address) end
  if untie(self, other) then say(self, "unlinked", other:path()) end
  if untie(other, self) then say(other, "unlinked", self:path()) end
  return true
end

--- Whether exits of linked units come as messages.
function bonds.trap(self, on)
  mailbox.of(self).traps = on or nil
end

return bonds
