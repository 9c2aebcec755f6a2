-- Start order. Every `after` is lifted to the supervisor where the two units' ways part: if `a/x` comes after `b/y`,
-- then `a` comes after `b` among its siblings. So each list of children has an order that can be followed forwards
-- to start and backwards to stop, and if no list has a cycle there is none in the tree.

local check = require "luvisor.core.check"
local graph = require "luvisor.core.graph"
local keys = require "luvisor.core.spec.keys"

local order = {}

local function split(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do parts[#parts + 1] = part end
  return parts
end

-- Positions of the children of a supervisor by name; kept in `index` while the tree is being ordered.
local function positions_of(index, supervisor)
  local positions = index[supervisor]
  if not positions then
    positions = {}
    for i, child in ipairs(supervisor.children or {}) do positions[child.name] = i end
    index[supervisor] = positions
  end
  return positions
end

local function child_named(state, supervisor, name)
  local position = positions_of(state.index, supervisor)[name]
  if position then return supervisor.children[position], position end
  local template = supervisor.template
  if template and template.name == name then return template end
end

local function unknown(unit, reference)
  return keys.problem(unit, "after", ('unknown unit "%s"'):format(reference))
end

local function within_itself(unit, reference, own, other)
  if #own < #other then return keys.problem(unit, "after", ('"%s" is inside it'):format(reference)) end
  if #own > #other then return keys.problem(unit, "after", ('"%s" contains it'):format(reference)) end
  return keys.problem(unit, "after", ("cycle %s -> %s"):format(unit.name, unit.name))
end

-- Walks from the root along both ways: the supervisor where they part, the two positions there (nil for what comes
-- of a template), and false if the rest of the other way does not exist.
local function parting(state, own, other)
  local at, parted, from, to = state.root, nil, nil, nil
  if other[1] ~= at.name then return false end
  for depth = 2, #other do
    local child, position = child_named(state, at, other[depth])
    if not child then return false end
    if not parted and own[depth] ~= other[depth] and own[depth] then
      parted, to = at, position
      from = positions_of(state.index, at)[own[depth]]
    end
    at = child
  end
  return true, parted, from, to
end

-- The supervisor with a runtime of its own that has the one way within it and not the other; nil if there is none.
local function runtime_apart(state, own, other)
  local at, same = state.root, true
  for depth = 2, #own - 1 do
    same = same and own[depth] == other[depth]
    at = child_named(state, at, own[depth])
    if not at then return nil end
    if not same and at.executor ~= "coroutine" then return at end
  end
end

local function add_edge(state, supervisor, from, to)
  local edges = state.edges[supervisor]
  if not edges then
    edges = {}
    state.edges[supervisor] = edges
    table.insert(state.supervisors, supervisor)
  end
  edges[from] = edges[from] or {}
  table.insert(edges[from], to)
end

local function add_reference(state, unit, parent_path, reference)
  local target = reference:find("/", 1, true) and reference or parent_path .. "/" .. reference
  local own, other = split(unit.path), split(target)
  local known, supervisor, from, to = parting(state, own, other)
  if not known then return unknown(unit, reference) end
  if not supervisor then return within_itself(unit, reference, own, other) end
  local apart = runtime_apart(state, own, other)
  if apart then
    return keys.problem(unit, "after", ('"%s" is in another runtime; let "%s", which has one of its own, come after it')
      :format(reference, apart.name))
  end
  if from and to then add_edge(state, supervisor, from, to) end
  return true
end

local function sort_children(supervisor, edges)
  local children = supervisor.children
  local sorted, cycle = graph.order(#children, edges)
  if not sorted then
    return keys.problem(children[cycle[1]], "after",
      "cycle " .. graph.text(cycle, function(i) return children[i].name end))
  end
  local list = {}
  for i, position in ipairs(sorted) do list[i] = children[position] end
  supervisor.children = list
  return true
end

--- Puts the children of every supervisor of the tree into start order.
---@param root luvisor.Spec
---@param waiting { [1]: luvisor.Spec, [2]: string }[] units with `after`, each with the path of its supervisor
---@return true|nil ok
---@return string? message
---@return string? code
function order.apply(root, waiting)
  local state = { root = root, index = {}, edges = {}, supervisors = {} }
  for _, entry in ipairs(waiting) do
    local unit, parent_path = entry[1], entry[2]
    for _, reference in ipairs(check.keys(unit.after)) do
      local ok, message, code = add_reference(state, unit, parent_path, reference)
      if not ok then return nil, message, code end
    end
  end
  for _, supervisor in ipairs(state.supervisors) do
    local ok, message, code = sort_children(supervisor, state.edges[supervisor])
    if not ok then return nil, message, code end
  end
  return true
end

return order
