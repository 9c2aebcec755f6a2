-- Roster: the children of a supervisor in start order. Adding, removing and finding cost the same however many
-- there are; removed places are closed up now and then, so a place is not for keeping.

local roster = {}

---@class luvisor.Roster
local Roster = { __name = "luvisor.roster" }
Roster.__index = Roster

---@return luvisor.Roster
function roster.new()
  return setmetatable({ list = {}, last = 0, count = 0, by_name = {} }, Roster)
end

--- Adds a child at the end.
function Roster:add(child)
  self.last = self.last + 1
  self.count = self.count + 1
  self.list[self.last] = child
  child.at = self.last
  self.by_name[child.name] = child
end

local function close_up(self)
  local list, last = {}, 0
  for i = 1, self.last do
    local child = self.list[i]
    if child then
      last = last + 1
      list[last] = child
      child.at = last
    end
  end
  self.list, self.last = list, last
end

--- Takes a child out.
function Roster:remove(child)
  if self.by_name[child.name] ~= child then return end
  self.by_name[child.name] = nil
  self.list[child.at] = false
  self.count = self.count - 1
  if self.last > 2 * self.count + 16 then close_up(self) end
end

--- Puts the children of these names first, in this order; the others follow in the order they have.
---@param names string[]
function Roster:arrange(names)
  local list, placed = {}, {}
  for _, name in ipairs(names) do
    local child = self.by_name[name]
    if child then list[#list + 1], placed[child] = child, true end
  end
  for _, child in ipairs(self:all()) do
    if not placed[child] then list[#list + 1] = child end
  end
  for i, child in ipairs(list) do child.at = i end
  self.list, self.last, self.cursor = list, #list, nil
end

--- The child of a name, or nil.
function Roster:find(name)
  return self.by_name[name]
end

--- Some child for which found(child) holds, looking on from where the last search ended; so a search that is repeated
--- as children come to an end costs little each time.
---@param found fun(child: table): boolean
---@return table|nil child
function Roster:search(found)
  local list, last = self.list, self.last
  local cursor = math.min(self.cursor or 1, last)
  for i = cursor, cursor + last - 1 do
    local place = (i - 1) % last + 1
    local child = list[place]
    if child and found(child) then
      self.cursor = place
      return child
    end
  end
end

--- All children, oldest first, without gaps; `at` of each is its position in the list.
---@return table[]
function Roster:all()
  if self.last ~= self.count then close_up(self) end
  return table.move(self.list, 1, self.last, 1, {})
end

--- All children, newest first.
---@return table[]
function Roster:reversed()
  local all, reversed = self:all(), {}
  for i = #all, 1, -1 do reversed[#reversed + 1] = all[i] end
  return reversed
end

return roster
