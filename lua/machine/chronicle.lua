-- Chronicle: the last 32 things that happened to a unit, each with its cause: who asked, how it ended, what came of it.
-- A unit to which nothing has happened but its start has none, and it never outgrows its 32: five values an entry, in
-- one flat ring. A worker's states are not in here; they are its past.

local chronicle = {}

local MOST, STRIDE = 32, 5
local ROOM = MOST * STRIDE
local LAST = ROOM - STRIDE -- where the last entry of a ring begins

-- A child of a pool that is asked to stop is gone in a moment, and there may be very many.
local GOES = { asked = true, stopped = true }

--- Adds the entry of a worker or program that has ended by itself: the same as note(self, "ended", ...), for those that
--- do so again and again.
---@param self table a unit
---@param now number
function chronicle.ended(self, now, why, decision, delay)
  local ring = self.chronicle
  if not ring then
    ring = { last = 0 }
    self.chronicle = ring
  end
  local at = ring.last
  ring[at + 1] = now -- one by one: that takes half of the steps
  ring[at + 2] = "ended"
  ring[at + 3] = why
  ring[at + 4] = decision
  ring[at + 5] = delay or false
  ring.last = at < LAST and at + STRIDE or 0
end

--- Adds an entry.
---   state   from, to, text: a passage of a program or supervisor
---   ended   exit, decision, delay: by itself
---   stopped exit
---   asked   text, unit: to stop; unit: the path of the one for whose sake
---   start   text: by hand
---   changed text: in place, or its code
---   waits   text
---@param self table a unit
---@param kind string
function chronicle.note(self, kind, first, second, third)
  local ring = self.chronicle
  if not ring then
    if GOES[kind] and math.type(self.name) == "integer" then return end
    ring = { last = 0 }
    self.chronicle = ring
  end
  local at = ring.last
  ring[at + 1], ring[at + 2], ring[at + 3], ring[at + 4], ring[at + 5] =
    self.env.now(), kind, first or false, second or false, third or false
  ring.last = at < LAST and at + STRIDE or 0
end

local function entry_at(ring, at)
  return { at = ring[at + 1], kind = ring[at + 2], ring[at + 3], ring[at + 4], ring[at + 5] }
end

--- The entries, oldest first: { at =, kind =, first, second, third }.
---@return table[]
function chronicle.read(self)
  local ring, list = self.chronicle, {}
  if not ring then return list end
  for i = 0, MOST - 1 do
    local at = (ring.last + i * STRIDE) % ROOM
    if ring[at + 1] then list[#list + 1] = entry_at(ring, at) end
  end
  return list
end

--- The last entry of a kind, nil when there is none.
---@param kind string
---@return table|nil
function chronicle.last(self, kind)
  local ring = self.chronicle
  if not ring then return nil end
  for i = 1, MOST do
    local at = (ring.last - i * STRIDE) % ROOM
    if ring[at + 2] == kind then return entry_at(ring, at) end
  end
end

return chronicle
