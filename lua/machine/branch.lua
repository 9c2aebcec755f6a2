-- Branch: a unit and what is below it, be it a supervisor or not.

local branch = {}

local NONE = {}

--- The children of a unit, oldest first; not for changing.
---@param unit table
---@return table[]
function branch.children(unit)
  return unit.children and unit.children:all() or NONE
end

--- There is a new unit: names may mean others than they did.
---@param env table
function branch.note_name(env)
  env.version = (env.version or 0) + 1
  if env.addresses then env.mail.forget() end
end

--- The unit of a path that begins below this one; the unit itself for an empty one.
---@param unit table
---@param path string
---@return table|nil
function branch.find(unit, path)
  for part in path:gmatch "[^/]+" do
    local children = unit.children
    unit = children and (children:find(part) or children:find(math.tointeger(tonumber(part))))
    if not unit then return nil end
  end
  return unit
end

--- Calls fn(unit, path) for a unit and everything below it.
---@param unit table
---@param path string the unit's
---@param fn fun(unit: table, path: string)
function branch.walk(unit, path, fn)
  fn(unit, path)
  for _, child in ipairs(branch.children(unit)) do branch.walk(child, path .. "/" .. tostring(child.name), fn) end
end

return branch
