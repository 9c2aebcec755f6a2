-- luvisor.partition { ... }: a supervisor of so many children that differ by their number only, between which keys
-- are divided (handle:partition).

local check = require "luvisor.core.check"
local supervisor = require "luvisor.core.spec.supervisor"

local partition = {}

local function fault(def, where, key, text)
  local place = where and ("%s:%d: "):format(where.file, where.line) or ""
  return nil, ('%spartition "%s": key "%s": %s'):format(place, tostring(def.name), key, text), "EINVAL"
end

---@param def table a supervisor's keys, `count`, and `child`: fn(number) -> the spec of that child
---@param where? luvisor.Where
---@return luvisor.Spec|nil spec
---@return string? message
---@return string? code
function partition.new(def, where)
  local ok, message = check.integer(1, math.huge)(def.count)
  if not ok then return fault(def, where, "count", message) end
  if type(def.child) ~= "function" then
    return fault(def, where, "child", "expected a function of the child's number, got " .. type(def.child))
  end
  if def.children ~= nil then return fault(def, where, "children", "they are what `child` makes") end
  local keys = { children = {} }
  for key, value in pairs(def) do keys[key] = value end
  keys.count, keys.child = nil, nil
  for i = 1, def.count do
    keys.children[i] = def.child(i)
    if keys.children[i] == nil then return fault(def, where, "child", ("returned nothing for %d"):format(i)) end
  end
  return supervisor.new(keys, where)
end

return partition
