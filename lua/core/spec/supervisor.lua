-- luvisor.supervisor { ... }: the spec of a supervisor, and what must hold between it and its children.

local lazy = require "luvisor.core.lazy"
local check = require "luvisor.core.check"
local executors = require "luvisor.core.spec.executors"
local graph = lazy "luvisor.core.graph"
local instances = require "luvisor.core.spec.instances"
local keys = require "luvisor.core.spec.keys"
local restart = require "luvisor.core.restart"
local strategy = require "luvisor.core.strategy"
local suggest = lazy "luvisor.core.suggest"
local unit = require "luvisor.core.spec.unit"

local is_unit = unit.is

local supervisor = {}

local SCHEMA = unit.extend(executors.extend({
  strategy = check.one_of(strategy.names),
  intensity = check.record { restarts = check.integer(0, math.huge), within = check.seconds },
  auto_shutdown = check.one_of { "never", "any_significant", "all_significant" },
  children = function(value)
    if unit.is(value) then
      return false, ('expected a list of units, got one %s: write children = { ... } around it'):format(value.kind)
    end
    if type(value) == "table" then return true, value end
    return check.expected("a list of units", value)
  end,
  template = function(value) return true, value end,
  max_children = check.integer(1, math.huge),
  memory = check.size,
}))

supervisor.schema = SCHEMA

local function empty(where)
  return {
    kind = "supervisor", name = false, where = where, restart = restart.permanent, restart_name = "permanent",
    restart_given = false, executor = "coroutine", autostart = true, significant = false, critical = false,
    strategy = "one_for_one", auto_shutdown = "never", children = false,
  }
end

local function not_a_unit(out, key, value)
  local text = "expected a unit made with luvisor.worker, luvisor.program or luvisor.supervisor, got "
  if value == nil then return keys.problem(out, key, text .. "nil (a hole in the list)") end
  return keys.problem(out, key, text .. (type(value) == "table" and "a plain table" or check.got(value)))
end

-- The last position that is filled, or nil and a key that is no position.
local function last_position(list)
  local count, last = 0, 0
  for _ in next, list do count = count + 1 end
  if count == #list then return count end
  for key in next, list do
    if math.type(key) ~= "integer" or key < 1 then return nil, key end
    if key > last then last = key end
  end
  return last
end

local function place_of(spec)
  local where = spec.where
  return where and (" at %s:%d"):format(where.file, where.line) or ""
end

-- Whether `child` may live under `parent`; the message is about the child.
local function check_child(parent, child)
  if child.instances then return keys.problem(child, "count", "only for a child in a supervisor's list") end
  if child.significant and parent.auto_shutdown == "never" then
    return keys.problem(child, "significant",
      ('supervisor "%s" has auto_shutdown = "never"'):format(parent.name))
  end
  return true
end

--- Whether a unit may be a child of a supervisor.
supervisor.check_child = check_child

-- What is wrong with the i-th child, which has come up as number `before` already or is no unit.
local function refuse(out, i, before)
  local list, key = out.children, ("children[%d]"):format(i)
  if not before then return not_a_unit(out, key, list[i]) end
  if list[before] == list[i] then
    return keys.problem(out, key, ("the same unit is already child %d, call the constructor twice"):format(before))
  end
  return keys.problem(list[i], "name", ('duplicate name, already child %d of supervisor "%s"%s')
    :format(before, out.name, place_of(list[before])))
end

-- Checks the list itself, as it was given.
local function check_children(out)
  local list, positions = out.children, {}
  local last, stray = last_position(list)
  if not last then
    return keys.problem(out, ("children.%s"):format(tostring(stray)), "expected a list of units, found a key")
  end
  for i = 1, last do
    local child = list[i]
    if not is_unit(child) then return refuse(out, i) end
    local name = child.name
    if positions[name] then return refuse(out, i, positions[name]) end
    positions[name] = i
  end
  return true
end

-- Counted programs give way to their instances.
local function spread_children(out)
  out.children, out.counted, out.families = instances.spread(out.children)
  for _, child in ipairs(out.children) do
    if child.after then child.after = instances.references(child.after, out.counted) end
    local ok, message, code = check_child(out, child)
    if not ok then return nil, message, code end
  end
  return true
end

local function positions_of(children)
  local positions = {}
  for i, child in ipairs(children) do positions[child.name] = i end
  return positions
end

-- References to siblings: known, and without a cycle. Paths are checked when the whole tree is there.
local function add_references(child, positions, edges)
  for _, name in ipairs(check.keys(child.after)) do
    if positions[name] then
      edges[#edges + 1] = positions[name]
    elseif not name:find("/", 1, true) then
      return keys.problem(child, "after",
        ('unknown unit "%s"%s'):format(name, suggest.hint(name, check.keys(positions))))
    end
  end
  return true
end

local function check_references(out)
  local edges, children, positions = {}, out.children, nil
  for i = 1, #children do
    if children[i].after then
      edges[i] = {}
      positions = positions or positions_of(children)
      local ok, message, code = add_references(children[i], positions, edges[i])
      if not ok then return nil, message, code end
    end
  end
  if not next(edges) then return true end
  local order, cycle = graph.order(#children, edges)
  if order then return true end
  return keys.problem(children[cycle[1]], "after",
    "cycle " .. graph.text(cycle, function(i) return children[i].name end))
end

local function check_template(out)
  local template = out.template
  if not template then return keys.problem(out, "template", "missing, simple_one_for_one needs one") end
  if not unit.is(template) then return not_a_unit(out, "template", template) end
  if next(out.children) ~= nil then
    return keys.problem(out, "children", "simple_one_for_one has a template and no children of its own")
  end
  if out.auto_shutdown ~= "never" then
    return keys.problem(out, "auto_shutdown", 'must be "never" with simple_one_for_one')
  end
  for _, name in ipairs(template.after and check.keys(template.after) or {}) do
    if not name:find("/", 1, true) then
      return keys.problem(template, "after", ('unknown unit "%s", a template has no siblings'):format(name))
    end
  end
  return check_child(out, template)
end

local function check_family(out)
  if out.strategy == "simple_one_for_one" then return check_template(out) end
  if out.template ~= nil then
    return keys.problem(out, "template", 'needs strategy = "simple_one_for_one"')
  end
  local ok, message, code = check_children(out)
  if ok then ok, message, code = spread_children(out) end
  if not ok then return nil, message, code end
  if out.max_children and #out.children > out.max_children then
    return keys.problem(out, "max_children", ("there are %d children"):format(#out.children))
  end
  return check_references(out)
end

---@param def table
---@param where? luvisor.Where
---@return luvisor.Spec|nil spec
---@return string? message
---@return string? code
function supervisor.new(def, where)
  local out = empty(where)
  local ok, message, code = keys.read(SCHEMA, def, out)
  if not ok then return nil, message, code end
  out.children = out.children or {}
  ok, message, code = executors.settle(out)
  if not ok then return nil, message, code end
  ok, message, code = check_family(out)
  if not ok then return nil, message, code end
  return unit.finish(def, out)
end

return supervisor
