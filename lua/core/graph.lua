-- Stable topological order: an item moves back only as far as what it comes after forces it to.

local graph = {}

-- after[i] = list of what i comes after, turned round: dependents[j] = list of what comes after j, by position.
local function invert(count, after)
  local pending, dependents = {}, {}
  for i = 1, count do
    local seen = {}
    pending[i] = 0
    for _, j in ipairs(after[i] or seen) do
      if not seen[j] then
        seen[j] = true
        pending[i] = pending[i] + 1
        dependents[j] = dependents[j] or {}
        table.insert(dependents[j], i)
      end
    end
  end
  return pending, dependents
end

-- Follows what could not be placed until an item comes up again; the loop starts at its lowest position.
local function find_cycle(count, after, pending)
  local at = 1
  while pending[at] == 0 and at < count do at = at + 1 end
  local position, trail = {}, {}
  while not position[at] do
    trail[#trail + 1] = at
    position[at] = #trail
    for _, j in ipairs(after[at]) do
      if pending[j] > 0 then at = j; break end
    end
  end
  local loop = table.move(trail, position[at], #trail, 1, {})
  local lowest = 1
  for k = 2, #loop do if loop[k] < loop[lowest] then lowest = k end end
  local cycle = table.move(loop, lowest, #loop, 1, {})
  table.move(loop, 1, lowest, #cycle + 1, cycle)
  return cycle
end

--- Orders 1..count so that each i follows everything in after[i] (a list of positions, or nil).
---@param count integer
---@param after table<integer, integer[]>
---@return integer[]|nil order
---@return integer[]? cycle positions, the first one repeated at the end
function graph.order(count, after)
  local pending, dependents = invert(count, after)
  local order, released = {}, 0
  for i = 1, count do
    if pending[i] == 0 then order[#order + 1] = i end
    while released < #order do
      released = released + 1
      for _, d in ipairs(dependents[order[released]] or {}) do
        pending[d] = pending[d] - 1
        -- What lies further on is taken when its position is reached.
        if pending[d] == 0 and d <= i then order[#order + 1] = d end
      end
    end
  end
  if #order == count then return order end
  return nil, find_cycle(count, after, pending)
end

--- A cycle for people: "a -> b -> a".
---@param cycle integer[]
---@param name fun(position: integer): string
---@return string
function graph.text(cycle, name)
  local names = {}
  for k, position in ipairs(cycle) do names[k] = name(position) end
  return table.concat(names, " -> ")
end

return graph
