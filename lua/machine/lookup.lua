-- Lookup: finds the unit of a path, and says which was meant where there is none.

local branch = require "luvisor.machine.branch"
local suggest = require "luvisor.core.suggest"

local lookup = {}

local MOST_HINTS = 1000 -- units that are looked at for one that was meant

local function collect(at, name, found)
  for _, child in ipairs(branch.children(at)) do
    if tostring(child.name) == name then found[#found + 1] = child end
    collect(child, name, found)
  end
end

local function add_names(at, name_of, names)
  for _, child in ipairs(branch.children(at)) do
    if #names >= MOST_HINTS then return names end
    names[#names + 1] = name_of(child)
    add_names(child, name_of, names)
  end
  return names
end

local function last_part(one) return tostring(one.name) end
local function whole_path(one) return one:path() end

local function not_found(root, path)
  local names = add_names(root, path:find("/", 1, true) and whole_path or last_part, {})
  return nil, ("no unit %s%s"):format(path, suggest.hint(path, names)), "NOT_FOUND"
end

local function by_last_part(root, name)
  local found = {}
  if root.name == name then return root end
  collect(root, name, found)
  if #found == 1 then return found[1] end
  if #found == 0 then return not_found(root, name) end
  local paths = {}
  for i, one in ipairs(found) do paths[i] = one:path() end
  return nil, ("%s is ambiguous: %s"):format(name, table.concat(paths, ", ")), "AMBIGUOUS"
end

--- The unit of a path from the root ("etl/api/web"), with or without the root's name, or of an unambiguous last part.
---@param path string
---@return table|nil unit
---@return string? message
---@return string? code NOT_FOUND or AMBIGUOUS
function lookup.find(root, path)
  local first, rest = path:match("^([^/]+)/?(.*)$")
  if not first then return nil, "no unit of an empty name", "NOT_FOUND" end
  local found = first == tostring(root.name) and branch.find(root, rest) or branch.find(root, path)
  if found then return found end
  if path:find("/", 1, true) then return not_found(root, path) end
  return by_last_part(root, path)
end

--- What was declared of a unit, be it one that runs elsewhere, of which the host has but the name; nil for what was
--- added at run time.
---@param unit table
---@return luvisor.Spec|nil
function lookup.declared(unit)
  local spec = unit.env.tree.root.spec
  for name in unit:path():sub(#spec.path + 2):gmatch "[^/]+" do
    local found
    for _, one in ipairs(spec.children or {}) do found = one.name == name and one or found end
    if not found then return nil end
    spec = found
  end
  return spec
end

return lookup
