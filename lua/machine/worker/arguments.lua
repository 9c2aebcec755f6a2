-- Worker arguments: the `self.args` of a worker. Each generation gets its own; a child of a pool has some more than the
-- template.

local copy = require "luvisor.core.copy"

---@param args any   of the spec
---@param extra any  of this child
---@return any
return function(args, extra)
  if extra == nil then return copy(args) end
  local all = type(args) == "table" and copy(args) or {}
  for key, value in pairs(copy(extra)) do all[key] = value end
  return all
end
