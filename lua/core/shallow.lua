-- Shallow: a table of one's own with the fields and the metatable of another, to be changed without changing that. What
-- the fields hold is shared; copy.lua goes deeper.

---@generic T: table
---@param value T
---@return T
return function(value)
  local mine = {}
  for key, item in next, value do mine[key] = item end
  return setmetatable(mine, getmetatable(value))
end
