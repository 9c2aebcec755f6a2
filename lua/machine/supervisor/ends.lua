-- Ends: who is to be told when a generation of a unit ends: monitors, links, registered names. Each is told once,
-- before the unit's supervisor is, so that nothing of the old generation is there when the next one starts.

local ends = {}

--- A store for one runtime: unit -> list. A unit that is gone takes its list along.
---@return table
function ends.new()
  return setmetatable({}, { __mode = "k" })
end

--- Has fn(unit, why) called at the next end of the unit; the record serves to call that off.
---@return table record
function ends.add(self, unit, fn)
  local list = self[unit]
  if not list then
    list = {}
    self[unit] = list
  end
  local record = { fn = fn, unit = unit }
  list[record] = true
  unit.special = true
  return record
end

--- Calls it off.
function ends.remove(self, record)
  local list = self[record.unit]
  if not list then return end
  list[record] = nil
  if not next(list) then self[record.unit] = nil end
end

--- The generation has ended.
function ends.tell(self, unit, why)
  local list = self[unit]
  self[unit] = nil
  for record in pairs(list) do record.fn(unit, why) end
end

return ends
