-- Chronicle: the last 32 things that happened to a unit, each with its cause: who asked, how it ended, what came of it.
-- A unit to which nothing has happened but its start has none, and it never outgrows its 32: five values an entry, in
-- one flat ring, which begins with where the next one goes. A worker's states are not in here; they are its past.
--
-- When many workers are stopped for the sake of one, and each is gone as soon as it is asked, they all have the same to
-- remember: a record of the group, which knows the one before it. Who shared that shares this one, too.

local exit = require "luvisor.core.exit"

local chronicle = {}

local MOST, STRIDE = 32, 5
local ROOM = MOST * STRIDE
local LAST = ROOM - STRIDE + 1 -- after which the last entry of a ring comes; the first one after where that is kept

local STOPPING, STOP = "STOPPING", "stop"

-- A child of a pool that is asked to stop is gone in a moment, and there may be very many.
local GOES = { asked = true, stopped = true }

-- A program that runs has two entries, and four when it was stopped: its ring has room for two, then for four.
local TWO = 1 + 2 * STRIDE

local function begin(now, kind, first, second, third)
  if kind ~= "state" then return { 1 + STRIDE, now, kind, first, second, third } end
  return { 1 + STRIDE, now, kind, first, second, third, nil, nil, nil, nil, nil }
end

local function widen(self)
  local wide = table.move(self.chronicle, 1, TWO, 1,
    { nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil })
  self.chronicle = wide
  return wide
end

--- Adds the entry of a worker or program that has ended by itself: the same as note(self, "ended", ...), for those that
--- do so again and again.
---@param self table a unit
---@param now number
function chronicle.ended(self, now, why, decision, delay)
  local ring, told = self.chronicle, self.env.noted
  if told then told(self, "ended", why, decision, delay) end -- in a guest, whose host has one, too
  if not ring then
    self.chronicle = begin(now, "ended", why, decision, delay or false)
    return
  end
  local at = ring[1]
  ring[at + 1] = now -- one by one: that takes half of the steps
  ring[at + 2] = "ended"
  ring[at + 3] = why
  ring[at + 4] = decision
  ring[at + 5] = delay or false
  ring[1] = at < LAST and at + STRIDE or 1
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
  local ring, told = self.chronicle, self.env.noted
  if not ring and GOES[kind] and math.type(self.name) == "integer" then return end
  if told then told(self, kind, first, second, third) end
  if not ring then
    self.chronicle = begin(self.env.now(), kind, first or false, second or false, third or false)
    return
  end
  local at = ring[1]
  if at == TWO and ring[at + 1] == nil then ring = widen(self) end
  ring[at + 1] = self.env.now()
  ring[at + 2] = kind
  ring[at + 3] = first or false
  ring[at + 4] = second or false
  ring[at + 5] = third or false
  ring[1] = at < LAST and at + STRIDE or 1
end

--- Adds the passage of a program that was just asked to stop: to the entry of that, where it is the last one.
---@param self table a unit
---@param from string
function chronicle.stops(self, from)
  local ring = self.chronicle
  local at = ring and (ring[1] - 1 - STRIDE) % ROOM + 1
  if not ring or ring[at + 2] ~= "asked" or ring[at + 5] then
    return chronicle.note(self, "state", from, STOPPING, STOP)
  end
  ring[at + 5] = from
end

-- ---- groups

-- The newest `count` of a row of records, as records of their own.
local function copy_newest(record, count)
  if not record or count == 0 then return nil end
  local before = copy_newest(record.before, count - 1)
  return { at = record.at, cause = record.cause, by = record.by, before = before, length = before and
    before.length + 1 or 1 }
end

local function lengthen(group, before)
  if before and before.length >= 2 * MOST then before = copy_newest(before, MOST) end
  return { at = group.at, cause = group.cause, by = group.by, before = before,
    length = before and before.length + 1 or 1 }
end

--- What the workers of a group will have in common that are stopped now.
---@param at number
---@param cause? string
---@param by? string path of the unit for whose sake
---@return table group
function chronicle.group(at, cause, by)
  return { at = at, cause = cause, by = by }
end

--- Adds that the unit was asked to stop with its group, and was gone at once, with a plain shutdown.
function chronicle.join(self, group)
  if self.env.noted then
    chronicle.note(self, "asked", group.cause, group.by)
    return chronicle.note(self, "stopped", exit.shutdown)
  end
  local before = self.groups
  if before ~= group.before or not group.record then
    group.before, group.record = before, lengthen(group, before)
  end
  self.groups = group.record
end

--- A unit goes on with what another has been through.
function chronicle.inherit(self, other)
  self.chronicle, self.groups = other.chronicle, other.groups
end

-- newest first
local function read_groups(self)
  local list, record = {}, self.groups
  while record and #list < MOST do
    list[#list + 1] = { at = record.at, kind = "stopped", exit.shutdown }
    list[#list + 1] = { at = record.at, kind = "asked", record.cause, record.by }
    record = record.before
  end
  return list
end

-- ---- reading

-- Newest first: one to stop may be two.
local function add_entry(list, ring, at)
  local now, kind, third = ring[at + 1], ring[at + 2], ring[at + 5]
  if kind == "asked" and third then
    list[#list + 1] = { at = now, kind = "state", third, STOPPING, STOP }
    third = false
  end
  list[#list + 1] = { at = now, kind = kind, ring[at + 3], ring[at + 4], third }
end

-- newest first
local function read_ring(self)
  local ring, list = self.chronicle, {}
  for i = 1, ring and MOST or 0 do
    local at = (ring[1] - 1 - i * STRIDE) % ROOM + 1
    if ring[at + 1] then add_entry(list, ring, at) end
  end
  return list
end

--- The entries, oldest first: { at =, kind =, first, second, third }.
---@return table[]
function chronicle.read(self)
  local own, shared, newest = read_ring(self), read_groups(self), {}
  local i, k = 1, 1
  while #newest < MOST and (own[i] or shared[k]) do
    if own[i] and (not shared[k] or own[i].at >= shared[k].at) then
      newest[#newest + 1], i = own[i], i + 1
    else
      newest[#newest + 1], k = shared[k], k + 1
    end
  end
  local list = {}
  for n = #newest, 1, -1 do list[#list + 1] = newest[n] end
  return list
end

--- The last entry of a kind, nil when there is none.
---@param kind string
---@return table|nil
function chronicle.last(self, kind)
  local list = chronicle.read(self)
  for i = #list, 1, -1 do
    if list[i].kind == kind then return list[i] end
  end
end

return chronicle
