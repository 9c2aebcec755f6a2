-- Roster: the children of a supervisor in start order. Adding, removing and finding cost the same however many
-- there are; removed places are closed up now and then, so a place is not for keeping.
--
-- The collector walks a table in one go, and nobody has a turn meanwhile. So both the list and the numbers of a pool's
-- children are kept in pages.

local PAGE = 256

local roster = {}

---@class luvisor.Roster
local Roster = { __name = "luvisor.roster" }
Roster.__index = Roster

---@return luvisor.Roster
function roster.new()
  return setmetatable({ pages = {}, last = 0, count = 0, by_name = {}, by_number = {} }, Roster)
end

-- ---- names

local function note_number(by_number, number, child)
  local page = by_number[number // PAGE]
  if not page then
    page = { count = 0 }
    by_number[number // PAGE] = page
  end
  page.count = page.count + 1
  page[number % PAGE + 1] = child
end

local function forget_number(by_number, number)
  local page = by_number[number // PAGE]
  page[number % PAGE + 1] = nil
  page.count = page.count - 1
  if page.count == 0 then by_number[number // PAGE] = nil end
end

--- The child of a name, or nil.
function Roster:find(name)
  if math.type(name) ~= "integer" then return self.by_name[name] end
  local page = self.by_number[name // PAGE]
  return page and page[name % PAGE + 1]
end

-- ---- places

local function put(pages, place, child)
  local number = (place - 1) // PAGE
  local page = pages[number]
  if not page then
    page = {}
    pages[number] = page
  end
  page[(place - 1) % PAGE + 1] = child
end

--- The child at a place: nil beyond the last, false where one was removed.
---@param place integer
function Roster:get(place)
  local page = self.pages[(place - 1) // PAGE]
  return page and page[(place - 1) % PAGE + 1]
end

--- Adds a child at the end.
function Roster:add(child)
  local place, name = self.last + 1, child.name
  self.last = place
  self.count = self.count + 1
  put(self.pages, place, child)
  child.at = place
  if math.type(name) == "integer" then note_number(self.by_number, name, child) else self.by_name[name] = child end
end

local function close_up(self)
  local pages, last = {}, 0
  for i = 1, self.last do
    local child = self:get(i)
    if child then
      last = last + 1
      put(pages, last, child)
      child.at = last
    end
  end
  self.pages, self.last = pages, last
end

--- Takes a child out.
function Roster:remove(child)
  local name = child.name
  if self:find(name) ~= child then return end
  if math.type(name) == "integer" then forget_number(self.by_number, name) else self.by_name[name] = nil end
  put(self.pages, child.at, false)
  self.count = self.count - 1
  if self.last > 2 * self.count + 16 then close_up(self) end
end

--- Some child for which found(child) holds, looking on from where the last search ended; so a search that is repeated
--- as children come to an end costs little each time.
---@param found fun(child: table): boolean
---@return table|nil child
function Roster:search(found)
  local last = self.last
  local cursor = math.min(self.cursor or 1, last)
  for i = cursor, cursor + last - 1 do
    local place = (i - 1) % last + 1
    local child = self:get(place)
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
  local all = {}
  for i = 0, (self.last - 1) // PAGE do
    local page = self.pages[i]
    table.move(page, 1, math.min(PAGE, self.last - i * PAGE), i * PAGE + 1, all)
  end
  return all
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
  self.pages, self.last, self.cursor = {}, #list, nil
  for place, child in ipairs(list) do
    put(self.pages, place, child)
    child.at = place
  end
end

--- All children, newest first.
---@return table[]
function Roster:reversed()
  local all, reversed = self:all(), {}
  for i = #all, 1, -1 do reversed[#reversed + 1] = all[i] end
  return reversed
end

return roster
