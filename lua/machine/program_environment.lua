-- Program environment: what a program finds in its environment. The host's own, without what a service manager told
-- the host alone, then what the unit adds, then the mark by which everything that it starts can be found again.

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

--- The environment as "NAME=value" items.
---@param inherited string[] items of the host
---@param additions table<string, string|false> false takes a name out
---@param mark string
---@return string[]
function program_environment.build(inherited, additions, mark)
  local items = {}
  for _, item in ipairs(inherited) do
    local name = name_of(item)
    if name and not PRIVATE[name] and additions[name] == nil then items[#items + 1] = item end
  end
  for _, name in ipairs(sorted_names(additions)) do
    if additions[name] and name ~= MARK then items[#items + 1] = name .. "=" .. additions[name] end
  end
  items[#items + 1] = MARK .. "=" .. mark
  return items
end

return program_environment
