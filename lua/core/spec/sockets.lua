-- sockets = { web = { tcp = "127.0.0.1:8080" }, ctl = { unix = "/run/app.sock", mode = "0660" }, old = "inherited" }:
-- what the host opens, or was given, for a program and keeps open. Checked into a list in the order of the names, each
-- { name =, kind =, host =, port =, path =, mode =, backlog =, text = }: text is what messages call it, and what two
-- units share that name the same address.

local check = require "luvisor.core.check"

local MOST, FIRST_FD = 8, 3
local BACKLOG = 511
local LONGEST = 107 -- bytes of sockaddr_un.sun_path, less its end

local sockets = {}

local port = check.integer(1, 65535)

local function split_address(text)
  local host, number = text:match "^%[([%x:.]+)%]:(%d+)$"
  if not host then host, number = text:match "^([^:%[%]]+):(%d+)$" end
  return host, number and tonumber(number)
end

local function is_numeric(host)
  return host == "*" or host == "localhost" or host:find ":" or host:find "^%d+%.%d+%.%d+%.%d+$"
end

-- A name could be another address tomorrow, and asking what it is today takes its time.
local function internet(kind)
  return function(value)
    if type(value) ~= "string" then return check.expected('"ADDRESS:PORT"', value) end
    local host, number = split_address(value)
    if not host then return check.expected('"ADDRESS:PORT"', value) end
    if not is_numeric(host) then
      return false, ('expected an address in numbers, "localhost" or "*", got "%s"'):format(host)
    end
    local ok, message = port(number)
    if not ok then return false, message end
    if host == "localhost" then host = "127.0.0.1" end
    return true, { kind = kind, host = host, port = number, text = kind .. " " .. value }
  end
end

local function unix(value)
  local ok, message = check.text(value)
  if not ok then return false, message end
  if #value > LONGEST then return false, ("longer than %d bytes"):format(LONGEST) end
  local first = value:sub(1, 1)
  if first ~= "/" and first ~= "@" then return false, "expected an absolute path, or @NAME for an abstract one" end
  return true, { kind = "unix", path = value, text = "unix " .. value }
end

local file_mode = check.octal 'a mode such as "0660"'

local KINDS = { tcp = internet "tcp", udp = internet "udp", unix = unix }
local record = check.record {
  tcp = KINDS.tcp, udp = KINDS.udp, unix = KINDS.unix, mode = file_mode, backlog = check.integer(1, 65535),
}

local function settle(given)
  local found
  for kind in pairs(KINDS) do
    if given[kind] and found then return false, "expected one of tcp, udp or unix" end
    found = given[kind] or found
  end
  if not found then return false, "expected one of tcp, udp or unix" end
  if given.mode and found.kind ~= "unix" then return false, "is for unix", ".mode" end
  if given.backlog and found.kind == "udp" then return false, "is for tcp and unix", ".backlog" end
  found.mode, found.backlog = given.mode, found.kind ~= "udp" and (given.backlog or BACKLOG) or nil
  return true, found
end

local function one_of(value)
  if value == "inherited" then return true, { kind = "inherited", text = "inherited" } end
  if type(value) ~= "table" then
    return check.expected('{ tcp = "ADDRESS:PORT" }, { unix = path } or "inherited"', value)
  end
  local ok, given, below = record(value)
  if not ok then return false, given, below end
  return settle(given)
end

--- The check of the key.
function sockets.check(value)
  if type(value) ~= "table" then return check.expected("{ NAME = socket }", value) end
  local list = {}
  for name, given in pairs(value) do
    if type(name) ~= "string" then return false, "expected { NAME = socket }, got a list" end
    local ok, message = check.name(name)
    if not ok then return false, message end
    local good, one, below = one_of(given)
    if not good then return false, one, ("%s%s"):format("." .. name, below or "") end
    one.name = name
    list[#list + 1] = one
  end
  if #list > MOST then return false, ("more than %d"):format(MOST) end
  table.sort(list, function(a, b) return a.name < b.name end)
  return true, list
end

--- Whether a descriptor of the program is one of its sockets.
---@param list table[]|nil
---@param fd integer
---@return boolean
function sockets.has_fd(list, fd)
  return list ~= nil and fd >= FIRST_FD and fd < FIRST_FD + #list
end

--- The descriptor of the first one.
sockets.FIRST_FD = FIRST_FD

return sockets
