-- Parcel: a part of a plan as plain values, for the runtime in which that part of the tree runs. It has specs of its
-- own, from the same script: what says how they differ is the host's plan, so nothing is compared twice.

local parcel = {}

local pack

local function pack_children(nodes)
  local list = {}
  for _, one in ipairs(nodes) do list[one.new.name] = pack(one) end
  return list
end

--- A node of a plan as plain values; nil for one of which nothing changes.
---@param node luvisor.Node
---@return table|nil
function pack(node)
  if node.action == "same" and not node.is_mixed then return nil end
  local removed = {}
  for i, one in ipairs(node.removed) do removed[i] = one.old.name end
  return {
    action = node.action, differences = node.differences, timeouts = node.timeouts or nil,
    reordered = node.reordered or nil, is_mixed = node.is_mixed or nil, removed = removed,
    children = pack_children(node.children), template = node.template and pack(node.template),
  }
end

parcel.pack = pack

local function by_name(list)
  local map = {}
  for _, spec in ipairs(list or {}) do map[spec.name] = spec end
  return map
end

--- The node again, of these specs.
---@param packed table|nil
---@param old luvisor.Spec|nil
---@param new luvisor.Spec
---@return luvisor.Node
function parcel.unpack(packed, old, new)
  packed = packed or { action = "same", removed = {}, children = {} }
  local node = {
    action = old and packed.action or "add", old = old, new = new, children = {}, removed = {},
    differences = packed.differences, timeouts = packed.timeouts, reordered = packed.reordered,
    is_mixed = packed.is_mixed,
  }
  if node.action == "add" then return node end
  local before = by_name(old.children)
  for i, spec in ipairs(new.children or {}) do
    local one = packed.children[spec.name]
    local is_new = one and one.action == "add"
    node.children[i] = parcel.unpack(one, not is_new and before[spec.name] or nil, spec)
  end
  for _, name in ipairs(packed.removed) do
    if before[name] then node.removed[#node.removed + 1] = { action = "remove", old = before[name] } end
  end
  if new.template then node.template = parcel.unpack(packed.template, old.template, new.template) end
  return node
end

return parcel
