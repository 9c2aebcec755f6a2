-- luvisor.program { name = "web", count = 3, ... }: the programs "web:0", "web:1", "web:2". Every key but these two
-- may be a function of the index; what it returns is the value, nil leaves the key out. A policy is a function in
-- its own right, so `restart` stays what it is. The constructor makes the instances, the supervisor takes them in the
-- place of the one that was declared, and "web" in an `after` then means all of them.

local check = require "luvisor.core.check"
local keys = require "luvisor.core.spec.keys"
local unit = require "luvisor.core.spec.unit"

local instances = {}

local MOST = 10000

local HEAD = { name = check.name, count = check.integer(1, MOST) }
local NOT_OF_INDEX = { restart = true }

local function name_of(name, index)
  return ("%s:%d"):format(name, index)
end

-- The definition of one instance.
local function definition(def, head, index)
  local mine = {}
  for key, value in next, def do
    if type(value) == "function" and not NOT_OF_INDEX[key] then
      local ok, result = pcall(value, index)
      if not ok then
        local one = { kind = head.kind, where = head.where, name = name_of(head.name, index) }
        return keys.problem(one, tostring(key), "its function failed: " .. tostring(result))
      end
      value = result
    end
    mine[key] = value
  end
  mine.count, mine.name = nil, name_of(head.name, index)
  return mine
end

--- The declaration of a counted program: a spec that only has `instances`.
---@param def table
---@param where? luvisor.Where
---@param make fun(def: table, where?: luvisor.Where): luvisor.Spec|nil, string?, string? makes one instance
---@return luvisor.Spec|nil spec
---@return string? message
---@return string? code
function instances.new(def, where, make)
  local head = { kind = "program", name = false, where = where }
  local ok, message, code = keys.read(HEAD, { name = def.name, count = def.count }, head)
  if not ok then return nil, message, code end
  function head.make(index)
    local mine, problem, reason = definition(def, head, index)
    if not mine then return nil, problem, reason end
    return make(mine, where)
  end
  head.instances = {}
  for index = 0, head.count - 1 do
    local one
    one, message, code = head.make(index)
    if not one then return nil, message, code end
    head.instances[index + 1] = one
  end
  return unit.finish({}, head)
end

--- The children of a supervisor with every counted program replaced by its instances, and how many each has.
---@param children luvisor.Spec[]
---@return luvisor.Spec[] children a new list
---@return table<string, integer>|nil counted by name
---@return table<string, function>|nil families by name: what makes the instance of an index
function instances.spread(children)
  local list, counted, families = {}, nil, nil
  for _, child in ipairs(children) do
    if child.instances then
      counted, families = counted or {}, families or {}
      counted[child.name], families[child.name] = child.count, child.make
      table.move(child.instances, 1, child.count, #list + 1, list)
    else
      list[#list + 1] = child
    end
  end
  return list, counted, families
end

--- An `after` in which a reference to a counted program is one to each of its instances.
---@param after table<string, string>
---@param counted table<string, integer>|nil by name or path, as the references are written
---@return table<string, string>
function instances.references(after, counted)
  if not counted then return after end
  local result = {}
  for reference, condition in pairs(after) do
    local count = counted[reference]
    if not count then result[reference] = condition end
    for index = 0, (count or 0) - 1 do
      local name = name_of(reference, index)
      result[name] = after[name] or condition
    end
  end
  return result
end

return instances
