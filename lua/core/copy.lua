-- Copy: a value of one's own. Tables are copied deep, also where they hold themselves; everything else is shared.

local function copy_table(value, seen)
  local mine = {}
  seen[value] = mine
  for key, item in pairs(value) do
    if type(key) == "table" then key = seen[key] or copy_table(key, seen) end
    if type(item) == "table" then item = seen[item] or copy_table(item, seen) end
    mine[key] = item
  end
  return mine
end

--- A deep copy, without metatables.
---@param value any
---@return any
return function(value)
  if type(value) ~= "table" then return value end
  return copy_table(value, {})
end
