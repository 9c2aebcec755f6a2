-- Said: what a program has written, as far as its output passes through the runtime that it runs in. Asked for by
-- logs.lua, here or from the host of a guest; all of it is plain values.

local inspect = require "luvisor.machine.inspect"

local said = {}

local STREAMS = { "stdout", "stderr" }

local function passes_here(target)
  return type(target) == "table" or type(target) == "function"
end

--- The last lines of each stream that a part is kept of, and where it has come to.
---@param one table a program
---@param count integer lines
---@return { stream: string, lines: string[], place: integer }[]
function said.last(one, count)
  local list, child = {}, one.child_before
  for _, name in ipairs(STREAMS) do
    if passes_here(one.spec[name]) then
      local text = child and child:tail(nil, name) or ""
      local place = child and select(2, child:news(math.maxinteger, name)) or 0
      list[#list + 1] = { stream = name, lines = inspect.last_lines(text, count), place = place }
    end
  end
  return list
end

--- What a stream has had since it was at a place, where it is now, and how many bytes in between are lost.
---@param one table a program
---@param stream string
---@param place integer
---@return string text
---@return integer place
---@return integer lost
function said.news(one, stream, place)
  local child = one.child_before
  if not child then return "", place, 0 end
  local text, now, lost = child:news(place, stream)
  if now < place then return child:news(0, stream) end -- that was in a runtime before this one
  return text, now, lost
end

return said
