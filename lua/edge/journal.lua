-- Journal: the last lines of the host's own log, kept in memory for `luvisor logs`, and told to whoever follows them.

local runtime = require "host.runtime"

local journal = {}

local MOST, LONGEST = 1000, 2000 -- entries, bytes of one

local ring, last = {}, 0
local followers = {}

local function add(level, path, message)
  local entry = { at = runtime.now(), level = level, unit = path, message = message:sub(1, LONGEST) }
  last = last % MOST + 1
  ring[last] = entry
  for _, fn in ipairs(followers) do fn(entry) end
end

--- The write function of a log, with what it writes kept.
---@param write function
---@param enabled table<string, boolean>
---@return function
function journal.keep(write, enabled)
  return function(level, unit, format, ...)
    if not enabled[level] then return end
    local message = select("#", ...) > 0 and format:format(...) or format
    add(level, type(unit) == "string" and unit or unit:path(), message)
    write(level, unit, "%s", message)
  end
end

--- The last entries for which wanted(path) holds, oldest first.
---@param wanted fun(path: string): boolean
---@param most integer
---@return table[] { at =, level =, unit =, message = }
function journal.last(wanted, most)
  local list = {}
  for i = 0, MOST - 1 do
    local entry = ring[(last - i - 1) % MOST + 1]
    if not entry or #list >= most then break end
    if wanted(entry.unit) then table.insert(list, 1, entry) end
  end
  return list
end

--- Has fn(entry) told of each new entry; returns a function that ends it.
---@param fn fun(entry: table)
---@return function
function journal.follow(fn)
  followers = table.move(followers, 1, #followers, 1, {})
  followers[#followers + 1] = fn
  return function()
    local left = {}
    for _, one in ipairs(followers) do
      if one ~= fn then left[#left + 1] = one end
    end
    followers = left
  end
end

return journal
