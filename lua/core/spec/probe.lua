-- Probes in a program's spec: { tcp = ... }, { http = ... }, { exec = ... } or { fn = ... }, with the keys of what uses
-- them, become { kind =, text =, ... }: text is what messages call it.

local check = require "luvisor.core.check"
local url = require "luvisor.core.url"
local words = require "luvisor.core.words"

local probe = {}

local PORT = check.integer(1, 65535)

local function tcp_address(host, port, below)
  local ok, message = check.text(host)
  if not ok then return false, message, below .. "[1]" end
  ok, message = PORT(port)
  if not ok then return false, message, below .. "[2]" end
  local shown = host:find(":", 1, true) and ("[%s]"):format(host) or host
  return true, { kind = "tcp", host = host, port = math.tointeger(port), text = ("tcp %s:%d"):format(shown, port) }
end

local function unix_address(path)
  local ok, message = check.text(path)
  if not ok then return false, message, ".path" end
  if #path > 107 then return false, "longer than 107 bytes", ".path" end
  return true, { kind = "tcp", path = path, text = "unix " .. path }
end

local function tcp(value)
  if type(value) == "number" then
    local ok, port = PORT(value)
    if not ok then return false, port end
    return true, { kind = "tcp", port = port, text = "tcp port " .. port }
  end
  if type(value) ~= "table" then return check.expected("a port, { host, port } or { path = socket }", value) end
  local size = 0
  for _ in pairs(value) do size = size + 1 end
  if value.path ~= nil and size == 1 then return unix_address(value.path) end
  if #value == 2 and size == 2 then return tcp_address(value[1], value[2], "") end
  return false, "expected a port, { host, port } or { path = socket }"
end

local function pattern(value)
  local ok, message = check.text(value)
  if not ok then return false, message end
  local good, problem = pcall(string.find, "", value)
  if not good then return false, "not a Lua pattern: " .. tostring(problem):gsub("^.-:%d+: ", "") end
  return true, value
end

probe.pattern = pattern

local function status(value)
  if type(value) == "number" then value = { value } end
  return check.list("statuses", check.integer(200, 599))(value)
end

local function header(value)
  if type(value) ~= "table" then return check.expected('{ Name = "pattern" }', value) end
  for name, wanted in pairs(value) do
    if type(name) ~= "string" then return false, 'expected Name = "pattern"' end
    local ok, message = pattern(wanted)
    if not ok then return false, message, "." .. name end
  end
  return true, value
end

local http_keys = check.record { url = check.text, status = status, header = header, body = pattern }

local function http(value)
  if type(value) == "string" then value = { url = value } end
  local ok, wanted, below = http_keys(value)
  if not ok then return false, wanted, below end
  if not wanted.url then return false, "missing", ".url" end
  local parts, message = url.parse(wanted.url)
  if not parts then return false, message, ".url" end
  wanted.kind, wanted.text = "http", wanted.url
  wanted.host, wanted.port, wanted.authority, wanted.path = parts.host, parts.port, parts.authority, parts.path
  return true, wanted
end

local function exec(value)
  local list = value
  if type(value) == "string" then
    local split, message = words.split(value)
    if not split then return false, message end
    list = split
  end
  local ok, command, below = check.list("strings", check.text)(list)
  if not ok then return false, command, below end
  if not command[1] then return false, "names no program" end
  return true, { kind = "exec", command = command, text = "exec " .. command[1] }
end

local function fn(value)
  if type(value) ~= "function" then return check.expected("a function", value) end
  return true, { kind = "fn", fn = value, text = "function" }
end

--- The keys of probes, for a record; each makes a probe.
probe.keys = { tcp = tcp, http = http, exec = exec, fn = fn }

--- Takes the probe out of a record that was checked with those keys, among others; nil when there is none or more
--- than one.
---@param record table
---@return table|nil
---@return integer count
function probe.take(record)
  local found, count = nil, 0
  for key in pairs(probe.keys) do
    if record[key] then
      found, count = record[key], count + 1
      record[key] = nil
    end
  end
  return count == 1 and found or nil, count
end

return probe
