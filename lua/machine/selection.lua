-- Selection: the units that somebody means: a path or an unambiguous last part, a glob over paths or last parts
-- ("web:*", "etl/*"), or a tag ("@front"). "*" stays within a part of a path, "**" does not.

local branch = require "luvisor.machine.branch"

local selection = {}

local MAGIC = "[*?%[]"

local function translate(glob)
  local at, out = 1, { "^" }
  while at <= #glob do
    local char = glob:sub(at, at)
    local set = char == "[" and glob:match("^%[[!^]?%]?[^%]]*%]", at)
    if glob:find("^%*%*", at) then
      out[#out + 1], at = ".*", at + 1
    elseif char == "*" then
      out[#out + 1] = "[^/]*"
    elseif char == "?" then
      out[#out + 1] = "[^/]"
    elseif set then
      out[#out + 1] = "[" .. set:sub(2, -2):gsub("^!", "^"):gsub("%%", "%%%%") .. "]"
      at = at + #set - 1
    else
      out[#out + 1] = char:gsub("%W", "%%%0")
    end
    at = at + 1
  end
  out[#out + 1] = "$"
  return table.concat(out)
end

local function has_tag(unit, tag)
  for _, one in ipairs(unit.spec.tags or {}) do
    if one == tag then return true end
  end
  return false
end

local function by_tag(tree, tag)
  local found = {}
  branch.walk(tree.root, tree.root.name, function(unit)
    if has_tag(unit, tag) then found[#found + 1] = unit end
  end)
  if found[1] then return found end
  return nil, ('no unit has the tag "%s"'):format(tag), "NOT_FOUND"
end

local function by_glob(tree, glob)
  local found, pattern = {}, translate(glob)
  local whole = glob:find("/", 1, true)
  local root = tree.root.name
  branch.walk(tree.root, root, function(unit, path)
    local subject = whole and path or tostring(unit.name)
    local short = whole and path:sub(#root + 2)
    if subject:find(pattern) or short and short ~= "" and short:find(pattern) then found[#found + 1] = unit end
  end)
  if found[1] then return found end
  return nil, ("no unit matches %s"):format(glob), "NOT_FOUND"
end

-- Two supervisors may have programs of that name: it is found as any other is.
local function of_one_parent(tree, instances)
  local is_one = true
  for _, one in ipairs(instances) do is_one = is_one and one.parent == instances[1].parent end
  if is_one then return instances end
  local first, message, code = tree:find(instances[1].name)
  if not first then return nil, message, code end
  local list = {}
  for _, one in ipairs(instances) do list[#list + 1] = one.parent == first.parent and one or nil end
  return list
end

local function by_name(tree, name)
  local found, message, code = tree:find(name)
  if found then return { found } end
  local instances = by_glob(tree, name .. ":*") -- a counted program by its name alone
  if code == "NOT_FOUND" and not name:find(MAGIC) and instances then return of_one_parent(tree, instances) end
  return nil, message, code
end

local function lookup(tree, word)
  if word:sub(1, 1) == "@" then return by_tag(tree, word:sub(2)) end
  if word:find(MAGIC) then return by_glob(tree, word) end
  return by_name(tree, word)
end

--- The units that the words mean, each once, in the order of the words.
---@param tree table
---@param words string[]
---@return table[]|nil units
---@return string? message
---@return string? code NOT_FOUND or AMBIGUOUS
function selection.find(tree, words)
  local units, seen = {}, {}
  for _, word in ipairs(words) do
    local found, message, code = lookup(tree, word)
    if not found then return nil, message, code end
    for _, unit in ipairs(found) do
      if not seen[unit] then units[#units + 1], seen[unit] = unit, true end
    end
  end
  return units
end

--- A function that tells whether a unit is meant by one of the words, be it there yet or not; supervisors mean
--- everything below them, counted programs all their instances.
---@param words string[]
---@return fun(path: string, tags?: string[]): boolean
function selection.matcher(words)
  local patterns, tags = {}, {}
  for _, word in ipairs(words) do
    if word:sub(1, 1) == "@" then
      tags[word:sub(2)] = true
    else
      patterns[#patterns + 1] = translate(word):sub(2, -2)
      patterns[#patterns + 1] = patterns[#patterns] .. ":%d+"
    end
  end
  return function(path, own_tags)
    for _, tag in ipairs(own_tags or {}) do
      if tags[tag] then return true end
    end
    local whole = "/" .. path .. "/"
    for _, pattern in ipairs(patterns) do
      if whole:find("/" .. pattern .. "/") then return true end
    end
    return false
  end
end

--- Without those below another one of them.
---@param units table[]
---@return table[]
function selection.outermost(units)
  local chosen, kept = {}, {}
  for _, unit in ipairs(units) do chosen[unit] = true end
  for _, unit in ipairs(units) do
    local above = unit.parent
    while above and not chosen[above] do above = above.parent end
    if not above then kept[#kept + 1] = unit end
  end
  return kept
end

return selection
