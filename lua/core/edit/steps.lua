-- Steps: what live edits have done to a part of the tree that runs elsewhere, as plain values for replay.lua:
-- { "add", path, source, names }, { "remove", path, names }, { "scale", path, name, count }, and { "set", path, key,
-- value, is_text }.
-- What one has undone is forgotten, so that the list does not grow for ever.

local shallow = require "luvisor.core.shallow"

local steps = {}

-- Whether a path leads to, or below, one of those children of a supervisor.
local function is_within(path, above, names)
  return path:sub(1, #above + 1) == above .. "/" and names[path:sub(#above + 2):match "^[^/]+"] or false
end

local UNDONE = {}

function UNDONE.add(one, gone)
  for name in pairs(one[4]) do
    if not gone[name] then return false end
  end
  return true
end

function UNDONE.scale(one, gone) return gone[one[3] .. ":0"] or false end

-- Whether all that a step has done goes with the children that are removed.
local function is_undone(one, path, gone)
  local of_children = one[2] == path and UNDONE[one[1]]
  if of_children then return of_children(one, gone) end
  return is_within(one[2], path, gone)
end

local function without(names, others)
  for name in pairs(others) do names[name] = nil end
end

local join = {}

function join.remove(list, _, path, names)
  local left = shallow(names)
  for i = #list, 1, -1 do
    if is_undone(list[i], path, names) then
      local one = table.remove(list, i)
      if one[1] == "add" and one[2] == path then without(left, one[4]) end
    end
  end
  if not next(left) then return end
  local last = list[#list]
  if last and last[1] == "remove" and last[2] == path then
    for name in pairs(last[3]) do left[name] = true end
    list[#list] = nil
  end
  list[#list + 1] = { "remove", path, left }
end

function join.add(list, ...)
  list[#list + 1] = { ... }
end

-- Keys that are checked against each other: what was allowed need not be, without what was said in between.
local function group_of(key)
  return (key == "restart" or key == "significant") and "restart" or key:match "^backoff" or nil
end

local function is_covered(one, path, key)
  return one[2] == path and (one[3] == key or one[1] == "set" and key == "health" and one[3]:find "^health%." ~= nil)
end

-- What was said of a key is void when it is said anew, whatever was said of other keys since.
function join.set(list, what, path, key, ...)
  local group = what == "set" and group_of(key)
  for i = #list, 1, -1 do
    local one = list[i]
    if one[1] ~= what or group and one[2] == path and one[3] ~= key and group_of(one[3]) == group then break end
    if is_covered(one, path, key) then table.remove(list, i) end
  end
  list[#list + 1] = { what, path, key, ... }
end

join.scale = join.set

--- The steps with one more; nil when nothing is left of them.
---@param list table[]
---@param step table
---@return table[]|nil
function steps.after(list, step)
  list = table.move(list, 1, #list, 1, {})
  join[step[1]](list, table.unpack(step, 1, 5))
  return list[1] and list or nil
end

return steps
