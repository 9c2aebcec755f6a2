-- Edit: a resolved tree with one thing changed: units more or fewer, other numbers of instances, another value of a
-- key. The tree that was given stays as it is; what lies on the way to the change is copied, and the rest is shared.

local instances = require "luvisor.core.spec.instances"
local order = require "luvisor.core.spec.order"
local resolve = require "luvisor.core.spec.resolve"
local settings = require "luvisor.core.edit.settings"
local shallow = require "luvisor.core.shallow"
local steps = require "luvisor.core.edit.steps"

local edit = {}

local function refuse(code, message, ...)
  return nil, message:format(...), code
end

-- ---- the way to a unit

local function finish(spec)
  if spec.shutdown_derived then spec.shutdown = resolve.shutdown(spec) end
  return spec
end

local function position_of(children, name)
  for i, child in ipairs(children or {}) do
    if child.name == name then return i end
  end
end

-- A unit with a runtime of its own is told what was done when it loads the script, there. A policy of its own is for
-- its supervisor, here.
local function note_step(spec, step, is_target)
  if spec.executor == "coroutine" then return true end
  if type(step[4]) == "function" then
    if is_target then return true end
    return refuse("UNSUPPORTED", "%s has a runtime of its own, where a function cannot be sent: "
      .. 'give it as text, as "luvisor.restart.retries(3)"', spec.path)
  end
  spec.edits = steps.after(spec.edits or {}, step)
  return true
end

local function change_at(spec, names, depth, fn, step)
  local copy = shallow(spec)
  if depth > #names then
    local ok, message, code = fn(copy)
    if ok then ok, message, code = note_step(copy, step, true) end
    if not ok then return nil, message, code end
    return finish(copy)
  end
  local ok, message, code = note_step(copy, step)
  if not ok then return nil, message, code end
  local at = position_of(spec.children, names[depth])
  if not at then return refuse("NOT_FOUND", "%s declares no child %s", spec.path, names[depth]) end
  local child
  child, message, code = change_at(spec.children[at], names, depth + 1, fn, step)
  if not child then return nil, message, code end
  copy.children = table.move(spec.children, 1, #spec.children, 1, {})
  copy.children[at] = child
  return finish(copy)
end

--- The tree in which fn(spec) has changed the copy of the unit at a path; fn returns true, or nil, message, CODE.
---@param root luvisor.Spec of all, or of a part
---@param path string
---@param fn fun(spec: luvisor.Spec): boolean|nil, string?, string?
---@param step table the same for core/edit/replay.lua, elsewhere
---@return luvisor.Spec|nil root
---@return string? message
---@return string? code
function edit.change(root, path, fn, step)
  local names = {}
  for name in path:sub(#root.path + 2):gmatch "[^/]+" do names[#names + 1] = name end
  return change_at(root, names, 1, fn, step)
end

-- ---- references between units

local function collect(spec, parent_path, fn)
  if spec.after then fn(spec, parent_path) end
  for _, child in ipairs(spec.children or {}) do collect(child, spec.path, fn) end
  if spec.template then collect(spec.template, spec.path, fn) end
end

--- Whether everything in the tree still comes after what is there; puts children into start order.
---@param root luvisor.Spec
---@return luvisor.Spec|nil root
---@return string? message
---@return string? code
function edit.check(root)
  local waiting = {}
  collect(root, nil, function(spec, parent_path) waiting[#waiting + 1] = { spec, parent_path } end)
  local ok, message, code = order.apply(root, waiting)
  if not ok then return nil, message, code end
  return root
end

-- ---- children

local function check_list(spec)
  if spec.kind ~= "supervisor" then return refuse("EINVAL", "%s is a %s, and has no children", spec.path, spec.kind) end
  if spec.strategy == "simple_one_for_one" then
    return refuse("SIMPLE_ONE_FOR_ONE", "%s is a pool: its children come from its template", spec.path)
  end
  return true
end

local function merged(one, other)
  local all = {}
  for name, value in pairs(one or {}) do all[name] = value end
  for name, value in pairs(other or {}) do all[name] = value end
  return next(all) and all or nil
end

local function check_free(spec, children)
  local taken = {}
  for _, child in ipairs(spec.children) do taken[child.name] = true end
  for _, child in ipairs(children) do
    if taken[child.name] then return refuse("ALREADY_PRESENT", "%s has a child %s already", spec.path, child.name) end
    taken[child.name] = true
  end
  if spec.max_children and #spec.children + #children > spec.max_children then
    return refuse("MAX_CHILDREN", "%s has at most %d children", spec.path, spec.max_children)
  end
  return true
end

local function append(spec, children, adopt, at)
  local ok, message, code = check_free(spec, children)
  if not ok then return nil, message, code end
  spec.children = table.move(spec.children, 1, #spec.children, 1, {})
  for i, child in ipairs(children) do
    child, message, code = adopt(child, spec)
    if not child then return nil, message, code end
    table.insert(spec.children, at + i, child)
  end
  return true
end

--- The tree with more children of a supervisor; adopt(child, parent) completes each.
---@param root luvisor.Spec
---@param path string of the supervisor
---@param units luvisor.Spec[]
---@param adopt fun(child: luvisor.Spec, parent: luvisor.Spec): luvisor.Spec|nil, string?, string?
---@param source { path: string, text: string } what the units were made by
---@return luvisor.Spec|nil root
---@return string? message
---@return string? code
function edit.add(root, path, units, adopt, source)
  local children, counted, families = instances.spread(units)
  local names = {}
  for _, child in ipairs(children) do names[child.name] = true end
  return edit.change(root, path, function(spec)
    local ok, message, code = check_list(spec)
    if not ok then return nil, message, code end
    spec.counted, spec.families = merged(spec.counted, counted), merged(spec.families, families)
    return append(spec, children, adopt, #spec.children)
  end, { "add", path, source, names })
end

local function family_of(name)
  return name:match "^(.*):%d+$"
end

local function forget_family(spec, name)
  spec.counted, spec.families = merged(spec.counted), merged(spec.families)
  spec.counted[name], spec.families[name] = nil, nil
end

-- Whether all instances of each counted program, or none of them, are to go.
local function check_families(spec, gone)
  for name, count in pairs(spec.counted or {}) do
    local going = 0
    for index = 0, count - 1 do going = going + (gone[("%s:%d"):format(name, index)] and 1 or 0) end
    if going > 0 and going < count then
      return refuse("UNSUPPORTED", "%s/%s has %d instances: use luvisor scale %s N", spec.path, name, count, name)
    end
  end
  return true
end

--- The tree without some children of a supervisor.
---@param root luvisor.Spec
---@param path string of the supervisor
---@param gone table<string, boolean> by name
---@return luvisor.Spec|nil root
---@return string? message
---@return string? code
function edit.remove(root, path, gone)
  return edit.change(root, path, function(spec)
    local ok, message, code = check_list(spec)
    if ok then ok, message, code = check_families(spec, gone) end
    if not ok then return nil, message, code end
    local kept = {}
    for _, child in ipairs(spec.children) do
      local family = gone[child.name] and family_of(child.name)
      if not gone[child.name] then kept[#kept + 1] = child end
      if family and spec.counted and spec.counted[family] then forget_family(spec, family) end
    end
    spec.children = kept
    return true
  end, { "remove", path, gone })
end

-- ---- numbers of instances

-- Who comes after all instances comes after the new ones too, and not after those that are gone.
local function adjust_references(root, path, name, before, now)
  local function adjust(spec, parent_path)
    local prefix = spec.after[name .. ":0"] and parent_path == path and name or path .. "/" .. name
    local condition = spec.after[prefix .. ":" .. before - 1]
    if not condition then return end
    spec.after = merged(spec.after)
    for index = now, before - 1 do spec.after[("%s:%d"):format(prefix, index)] = nil end
    for index = before, now - 1 do spec.after[("%s:%d"):format(prefix, index)] = condition end
  end
  local function walk(spec, parent_path)
    if not spec.after and not spec.children then return spec end
    local mine = shallow(spec)
    if mine.after then adjust(mine, parent_path) end
    mine.children = spec.children and {}
    for i, child in ipairs(spec.children or {}) do mine.children[i] = walk(child, spec.path) end
    return mine
  end
  return walk(root, nil)
end

local function grow(spec, name, before, count, adopt)
  local list = {}
  for index = before, count - 1 do
    local one, message, code = spec.families[name](index)
    if not one then return nil, message, code end
    list[#list + 1] = one
  end
  return append(spec, list, adopt, position_of(spec.children, ("%s:%d"):format(name, before - 1)))
end

local function shrink(spec, name, before, count)
  local gone, kept = {}, {}
  for index = count, before - 1 do gone[("%s:%d"):format(name, index)] = true end
  for _, child in ipairs(spec.children) do
    if not gone[child.name] then kept[#kept + 1] = child end
  end
  spec.children = kept
  return true
end

--- The tree with another number of instances of a counted program.
---@param root luvisor.Spec
---@param path string of its supervisor
---@param name string as it was declared
---@param count integer
---@param adopt fun(child: luvisor.Spec, parent: luvisor.Spec): luvisor.Spec|nil, string?, string?
---@return luvisor.Spec|nil root
---@return string? message
---@return string? code
function edit.scale(root, path, name, count, adopt)
  local before
  local changed, message, code = edit.change(root, path, function(spec)
    before = spec.counted and spec.counted[name]
    if not before then return refuse("UNSUPPORTED", "%s/%s has no count", spec.path, name) end
    spec.counted = merged(spec.counted)
    spec.counted[name] = count
    if count < before then return shrink(spec, name, before, count) end
    return grow(spec, name, before, count, adopt)
  end, { "scale", path, name, count })
  if not changed then return nil, message, code end
  return adjust_references(changed, path, name, before, count)
end

-- ---- keys

--- The tree with another value of a key of a unit, such as "health.every".
---@param root luvisor.Spec
---@param path string
---@param key string
---@param value any
---@param prepare fun(spec: luvisor.Spec): boolean|nil, string?, string? completes what was changed
---@param text? string what the value was made by, where it is a function
---@return luvisor.Spec|nil root
---@return string? message
---@return string? code
function edit.set(root, path, key, value, prepare, text)
  return edit.change(root, path, function(spec)
    local ok, message, code = settings.set(spec, key, value)
    if not ok then return nil, message, code end
    return prepare(spec)
  end, { "set", path, key, text or value, text and true })
end

return edit
