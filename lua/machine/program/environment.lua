-- Program environment: what a program finds in its environment. The mark by which everything that it starts can be
-- found again, the host's own, without what a service manager told the host alone, then what the unit adds.

local program_environment = {}

local MARK = "LUVISOR_UNIT"

-- Protocols between a service manager and exactly one process.
local PRIVATE = {
  NOTIFY_SOCKET = true, LISTEN_FDS = true, LISTEN_PID = true, LISTEN_FDNAMES = true, LISTEN_PIDFDID = true,
  WATCHDOG_USEC = true, WATCHDOG_PID = true, [MARK] = true,
}

local function name_of(item)
  return item:match("^([^=]+)=")
end

local function sorted_names(additions)
  local names = {}
  for name in pairs(additions) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local known, public -- the host's list that was given last, and what of it programs find

local function without_private(inherited)
  if inherited == known then return public end
  known, public = inherited, {}
  for _, item in ipairs(inherited) do
    local name = name_of(item)
    if name and not PRIVATE[name] then public[#public + 1] = item end
  end
  return public
end

--- The environment as "NAME=value" items.
---@param inherited string[] items of the host; a list that has changed is another list
---@param additions table<string, string|false> false takes a name out
---@param mark string
---@return string[]
function program_environment.build(inherited, additions, mark)
  local all = without_private(inherited)
  if not next(additions) then return { MARK .. "=" .. mark, table.unpack(all) } end -- as most are: exactly as long
  local items = { MARK .. "=" .. mark }
  for _, item in ipairs(all) do
    if additions[name_of(item)] == nil then items[#items + 1] = item end
  end
  for _, name in ipairs(sorted_names(additions)) do
    if additions[name] and name ~= MARK then items[#items + 1] = name .. "=" .. additions[name] end
  end
  return items
end

return program_environment
