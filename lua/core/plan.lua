-- Plan: what has to happen to a tree that runs so that it becomes the one that a script describes. Two resolved trees
-- in, a list of steps out; nothing is touched. The same script twice is an empty plan.

local breath = require "luvisor.core.breath"
local keys = require "luvisor.core.plan.keys"

local plan = {}

---@class luvisor.Step
---@field action "add"|"remove"|"change"|"upgrade"|"restart"|"keep"|"reorder"
---@field path string
---@field kind string
---@field text string  what happens and why, for people
---@field keys string[] what has changed

---@class luvisor.Node one unit in both trees
---@field action string       of the step, or "same"
---@field old? luvisor.Spec   nil for one that is added
---@field new? luvisor.Spec   nil for one that is removed
---@field children luvisor.Node[] in the order of the new tree
---@field removed luvisor.Node[]  children that the new tree does not have
---@field timeouts? boolean   the machine has other timeouts
---@field reordered? boolean
---@field is_mixed? boolean   something below it is not the same

local SIGNS = { add = "+", remove = "-", restart = "!", keep = "=" }

local compare

-- ---- one unit

local function is_pool(spec)
  return spec.strategy == "simple_one_for_one"
end

local function texts(differences, class)
  local list = {}
  for _, one in ipairs(differences) do
    if not class or one.class == class then list[#list + 1] = one.text end
  end
  return list
end

local function has(differences, class)
  for _, one in ipairs(differences) do
    if one.class == class then return true end
  end
  return false
end

local function changed(list)
  return table.concat(list, ", ") .. " changed"
end

local function has_upgrade(spec)
  return spec.definition ~= nil and spec.definition.migrate ~= nil
end

-- What becomes of a unit that cannot just be told of its change.
local function treatment(new, differences)
  if new.on_change == "keep" then return "keep" end
  if has(differences, "start") then return "restart" end
  if new.on_change == "upgrade" or not new.on_change and has_upgrade(new) then return "upgrade" end
  return "restart"
end

local function judge(node, differences)
  if #differences == 0 then return "same" end
  node.differences = differences
  node.timeouts = has(differences, "timeouts")
  if has(differences, "start") or has(differences, "code") then return treatment(node.new, differences) end
  return "change"
end

local WORDS = {
  change = function(list) return "changed in place: " .. table.concat(list, ", ") end,
  upgrade = function(list) return ("upgrade (%s)"):format(changed(list)) end,
  restart = function(list) return ("restart (%s)"):format(changed(list)) end,
  keep = function(list) return ("kept as it runs, new at its next start (%s)"):format(changed(list)) end,
}

-- ---- children

local function by_name(list)
  local map = {}
  for i, spec in ipairs(list or {}) do map[spec.name] = i end
  return map
end

-- Whether those that are in both lists are in another order.
local function is_reordered(node, positions)
  local last = 0
  for _, one in ipairs(node.children) do
    if one.old then
      local at = positions[one.new.name]
      if at < last then return true end
      last = at
    end
  end
  return false
end

local function added(spec)
  return { action = "add", new = spec, children = {}, removed = {} }
end

local function removed(spec)
  return { action = "remove", old = spec, children = {}, removed = {} }
end

local function compare_children(node)
  local old, new = node.old.children or {}, node.new.children or {}
  local before, after = by_name(old), by_name(new)
  for _, spec in ipairs(old) do
    local other = new[after[spec.name]]
    if not other or other.kind ~= spec.kind then node.removed[#node.removed + 1] = removed(spec) end
  end
  for i, spec in ipairs(new) do
    local other = old[before[spec.name]]
    node.children[i] = other and other.kind == spec.kind and compare(other, spec) or added(spec)
  end
  node.reordered = is_reordered(node, before)
end

local function compare_templates(node)
  local old, new = node.old.template, node.new.template
  if old.kind == new.kind and old.name == new.name then
    node.template = compare(old, new)
  else
    node.action, node.template = "restart", nil
    node.differences = { { class = "start", key = "template", text = "template" } }
  end
end

local function compare_family(node)
  if is_pool(node.old) ~= is_pool(node.new) then
    node.action = node.new.on_change == "keep" and "keep" or "restart"
  elseif node.action == "restart" or node.action == "keep" then
    return
  elseif is_pool(node.new) then
    compare_templates(node)
  else
    compare_children(node)
  end
end

local function note_mixed(node)
  for _, one in ipairs(node.children) do
    if one.action ~= "same" or one.is_mixed then node.is_mixed = true end
  end
  local template = node.template
  if node.removed[1] or node.reordered or template and (template.action ~= "same" or template.is_mixed) then
    node.is_mixed = true
  end
end

function compare(old, new)
  breath.take()
  local node = { old = old, new = new, children = {}, removed = {}, action = "same" }
  if rawequal(old, new) then return node end
  node.action = judge(node, keys.compare(old, new))
  if new.kind == "supervisor" then
    compare_family(node)
    note_mixed(node)
  end
  return node
end

-- ---- steps

local function keys_of(node)
  local names = {}
  for i, one in ipairs(node.differences or {}) do names[i] = one.key end
  return names
end

--- The keys of a unit that have changed, for people.
---@param node luvisor.Node
---@return string
function plan.keys(node)
  return table.concat(keys_of(node), ", ")
end

local function put(steps, node, action, text, suffix)
  local spec = node.new or node.old
  steps[#steps + 1] = {
    action = action, path = spec.path .. (suffix or ""), kind = spec.kind, text = text, keys = keys_of(node),
  }
end

local function describe(steps, node, suffix)
  breath.take()
  for _, one in ipairs(node.removed) do put(steps, one, "remove", "removed") end
  local action = node.action
  if action == "add" then
    put(steps, node, action, "added", suffix)
  elseif action ~= "same" then
    put(steps, node, action, WORDS[action](texts(node.differences)), suffix)
  end
  if node.reordered then put(steps, node, "reorder", "children in another order") end
  for _, one in ipairs(node.children) do describe(steps, one) end
  if node.template then describe(steps, node.template, "/*") end
end

---@class luvisor.Plan
---@field steps luvisor.Step[]
---@field tree luvisor.Node
local Plan = { __name = "luvisor.plan" }
Plan.__index = Plan

--- Whether nothing has to happen.
function Plan:is_empty()
  return #self.steps == 0
end

--- One step for people: "~ etl/poller  upgrade (code of module etl.poller changed)".
---@param step luvisor.Step
---@return string
function plan.line(step)
  return ("%s %s  %s"):format(SIGNS[step.action] or "~", step.path, step.text)
end

--- The whole plan for people.
---@return string
function Plan:text()
  if self:is_empty() then return "nothing has changed" end
  local lines = {}
  for i, step in ipairs(self.steps) do lines[i] = plan.line(step) end
  return table.concat(lines, "\n")
end

--- Compares the tree that runs with the one that is wanted; both resolved and prepared.
---@param old luvisor.Spec
---@param new luvisor.Spec
---@return luvisor.Plan|nil
---@return string? message
---@return string? code
function plan.compare(old, new)
  if old.name ~= new.name then
    return nil, ('the root is "%s" and cannot become "%s": stop the host and start it anew'):format(old.name, new.name),
      "EINVAL"
  end
  local self = setmetatable({ steps = {}, tree = compare(old, new) }, Plan)
  if self.tree.action == "restart" then
    return nil, ("the root cannot be restarted by a reload (%s)")
      :format(changed(texts(self.tree.differences or {}))), "EINVAL"
  end
  describe(self.steps, self.tree)
  return self
end

return plan
