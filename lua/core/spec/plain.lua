-- Plain: a unit's spec as a table that its constructor takes again and that holds nothing but plain values, for a
-- runtime that cannot see the script's functions. What cannot be told so is named.

local keys = require "luvisor.core.spec.keys"

local plain = {}

-- What was worked out from the keys and is worked out again, and what is the business of the unit's
-- supervisor and of whoever makes its runtime.
local LEFT_OUT = {
  kind = true, where = true, path = true, restart = true, restart_name = true, restart_given = true, definition = true,
  machine = true, passages = true, routine = true, shutdown_derived = true, counted = true, families = true,
  instances = true, identity = true, variables = true, executor = true, adopted = true, template = true,
  children = true, edits = true,
}
local OF_HOST = {
  after = true, significant = true, critical = true, backoff = true, autostart = true, memory = true, user = true,
  group = true, groups = true, limits = true, nice = true, umask = true, cgroup = true,
}

local PLAIN = { string = true, number = true, boolean = true }

local function copy(value, depth)
  if PLAIN[type(value)] then return value end
  if type(value) ~= "table" or getmetatable(value) or depth > 100 then return nil end
  local made = {}
  for key, item in next, value do
    local plain_key, plain_item = copy(key, depth + 1), copy(item, depth + 1)
    if plain_key == nil or plain_item == nil then return nil end
    made[plain_key] = plain_item
  end
  return made
end

local unit

local function add_family(spec, made)
  if spec.template then
    local template, message, code = unit(spec.template, true)
    if not template then return nil, message, code end
    made.template = template
  end
  if spec.kind ~= "supervisor" or spec.template then return true end
  made.children = {}
  for i, child in ipairs(spec.children or {}) do
    local one, message, code = unit(child, true)
    if not one then return nil, message, code end
    made.children[i] = one
  end
  return true
end

function unit(spec, is_child)
  local made = {}
  for key, value in next, spec do
    if not LEFT_OUT[key] and (is_child or spec.kind == "program" or not OF_HOST[key]) then
      made[key] = copy(value, 1)
      if made[key] == nil then
        return keys.problem(spec, key, ("a %s cannot be sent to another runtime"):format(type(value)))
      end
    end
  end
  if is_child then
    made.executor = copy(spec.executor, 1)
    if spec.restart_given and not spec.restart_name then
      return keys.problem(spec, "restart", "a function cannot be sent to another runtime")
    end
    made.restart = spec.restart_given and spec.restart_name or nil
  end
  if spec.shutdown_derived then made.shutdown = nil end
  local ok, message, code = add_family(spec, made)
  if not ok then return nil, message, code end
  return { kind = spec.kind, where = spec.where, keys = made, counted = spec.counted }
end

--- A spec as plain values. `is_child`: with what concerns its supervisor, too.
---@param spec luvisor.Spec
---@param is_child? boolean
---@return { kind: string, where?: luvisor.Where, keys: table }|nil
---@return string? message
---@return string? code
function plain.of(spec, is_child)
  return unit(spec, is_child)
end

-- An instance of a counted program, "web:0", has a name that no script may give.
local function construct(made, constructor)
  local name = made.keys.name
  local family = made.kind == "program" and name:match "^(.*):%d+$"
  made.keys.name = family or name
  local one, message, code = constructor(made.keys, made.where)
  if not one then return nil, message, code end
  one.name, one.counted = name, made.counted
  return one
end

--- The spec of such values, not resolved yet; `constructors` by kind.
---@param made { kind: string, where?: luvisor.Where, keys: table, counted?: table }
---@param constructors table<string, function>
---@return luvisor.Spec|nil
---@return string? message
---@return string? code
function plain.spec(made, constructors)
  local message, code
  for i, child in ipairs(made.keys.children or {}) do
    made.keys.children[i], message, code = plain.spec(child, constructors)
    if not made.keys.children[i] then return nil, message, code end
  end
  if made.keys.template then
    made.keys.template, message, code = plain.spec(made.keys.template, constructors)
    if not made.keys.template then return nil, message, code end
  end
  return construct(made, constructors[made.kind])
end

return plain
