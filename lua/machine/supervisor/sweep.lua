-- Sweep: stops children one after the other, each wholly gone before the next is asked, and then goes on with
-- whatever it was for. Neighbours that do not depend on each other may be asked together: the children of a pool, and
-- programs that stand side by side under one_for_one.

local chronicle = require "luvisor.machine.chronicle"
local together = require "luvisor.machine.worker.together"
local unit = require "luvisor.machine.unit"

local BURST = 256 -- children asked before others have their turn

local sweep = {}

-- Whether the child has to be asked after one of these, or one of these after it.
local function is_bound(child, names, wanted)
  if wanted[child.name] then return true end
  local after = child.spec.after
  if after then
    for name in pairs(after) do
      if names[name] then return true end
    end
  end
  return false
end

-- How far the programs that do not depend on each other reach. Most come after nobody.
local function programs_end(units, first)
  local last, count = first, #units
  while last <= count do
    local spec = units[last].spec
    if spec.kind ~= "program" or spec.after then break end
    last = last + 1
  end
  if last > count or units[last].spec.kind ~= "program" then return math.max(first, last - 1) end
  local names, wanted = {}, {}
  for place = first, #units do
    local child = units[place]
    if child.spec.kind ~= "program" or is_bound(child, names, wanted) then return math.max(first, place - 1) end
    names[child.name] = true
    if child.spec.after then
      for name in pairs(child.spec.after) do wanted[name] = true end
    end
  end
  return math.max(first, #units)
end

-- How far the children that may be asked now reach.
local function batch_end(supervisor, units, first)
  local strategy = supervisor.spec.strategy
  if strategy == "simple_one_for_one" then return #units end
  return strategy == "one_for_one" and programs_end(units, first) or first
end

local function wait_for(self, child)
  self.waiting[child] = true
  self.pending = self.pending + 1
end

local function ask(self, child)
  local gone
  if self.force then
    gone = unit.ask_to_kill(child, self.cause, self.by)
  else
    gone = unit.ask_to_stop(child, self.cause, self.by, child.spec.kind == "worker" and self.group or nil)
  end
  if not gone then wait_for(self, child) end
end

-- Those who are gone when they were asked; false where the next one has to be asked in full.
local function ask_row(self, units, next)
  self.in_row = true
  local after, left = together.stop_row(self, units, next, math.min(#units, self.burst))
  self.in_row = nil
  if not self.broken then self.next = after end
  if left then
    wait_for(self, left)
    if self.force then unit.ask_to_kill(left) end
  end
  return after > next
end

-- false when it has to wait, or is over
local function ask_next(self)
  local next, units, supervisor = self.next, self.units, self.supervisor
  if next > self.last then
    if self.pending > 0 then return false end
    if next > #units then
      supervisor.sweep = nil
      self.done(supervisor)
      return false
    end
    self.last = self.force and #units or batch_end(supervisor, units, next)
  end
  if self.pending > 0 or self.force or not ask_row(self, units, next) then
    self.next = next + 1
    ask(self, units[next])
  end
  return supervisor.sweep == self
end

local advance

local function go_on(self)
  self.posted = nil
  if self.supervisor.sweep == self then advance(self) end
end

-- Many are gone as soon as they are asked; so this gives way now and then.
function advance(self)
  if self.posted or self.asking then return end
  self.asking, self.group = true, chronicle.group(self.supervisor.env.now(), self.cause, self.by)
  self.burst = self.next + BURST - 1
  local more
  repeat more = ask_next(self) until not more or self.next > self.burst and self.next <= #self.units
  self.asking = nil
  if not more then return end
  self.posted = true
  self.supervisor.env.post(go_on, self)
end

--- Stops the units in the order given, then calls done(supervisor); a sweep under way is replaced by this one.
---@param supervisor table
---@param units table[] in the order in which they are to be stopped
---@param done fun(supervisor: table)
---@param cause string
---@param by string path of the unit for whose sake
function sweep.run(supervisor, units, done, cause, by)
  local self = { supervisor = supervisor, units = units, next = 1, last = 0, pending = 0, waiting = {}, done = done,
    force = supervisor.forced, cause = cause, by = by }
  local before = supervisor.sweep
  if before then before.broken = true end
  supervisor.sweep = self
  advance(self)
end

--- Tells the sweep that a child is gone.
function sweep.gone(supervisor, child)
  local self = supervisor.sweep
  if not self or not self.waiting[child] then return end
  self.waiting[child] = nil
  self.pending = self.pending - 1
  if self.pending == 0 then advance(self) end
end

--- From here on by force, and all at once.
function sweep.force(supervisor)
  local self = supervisor.sweep
  if not self or self.force then return end
  self.force, self.broken = true, true
  for child in pairs(self.waiting) do unit.ask_to_kill(child) end
  local first = self.in_row and together.next() or self.next
  self.next, self.last = #self.units + 1, #self.units
  for i = first, #self.units do ask(self, self.units[i]) end
  if self.pending == 0 then advance(self) end
end

return sweep
