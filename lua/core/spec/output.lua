-- Where a program's output goes: the values of stdout and stderr, and that no two units write to one file unknowingly.

local check = require "luvisor.core.check"
local keys = require "luvisor.core.spec.keys"
local units = require "luvisor.core.units"

local output = {}

local MAX_SIZE, KEEP, KEEP_MOST = 50 * 1024 * 1024, 10, 1000
local SMALLEST = 4096

local function prefix(value)
  if type(value) == "boolean" then return true, value or nil end
  return check.text(value)
end

local function flag(value)
  local ok, message = check.boolean(value)
  if not ok then return false, message end
  return true, value or nil
end

local function max_size(value)
  local bytes = units.size(value)
  if bytes and (bytes == 0 or bytes >= SMALLEST) then return true, bytes end
  return check.expected('0 or a size from 4096 bytes on, such as "50MB"', value)
end

local FACILITIES = {
  kern = 0, user = 1, mail = 2, daemon = 3, auth = 4, syslog = 5, lpr = 6, news = 7, uucp = 8, cron = 9, authpriv = 10,
  ftp = 11, local0 = 16, local1 = 17, local2 = 18, local3 = 19, local4 = 20, local5 = 21, local6 = 22, local7 = 23,
}
local LEVELS = { emerg = 0, alert = 1, crit = 2, err = 3, warning = 4, notice = 5, info = 6, debug = 7 }
local SOCKET = "/dev/log"

local function ident(value)
  local ok, message = check.text(value)
  if not ok then return false, message end
  if #value > 64 or value:find "[^%w_.@/-]" then
    return check.expected('up to 64 of letters, digits, "_", ".", "@", "/", "-"', value)
  end
  return true, value
end

local function socket_path(value)
  local ok, message = check.text(value)
  if not ok then return false, message end
  if #value > 107 then return false, "longer than 107 bytes" end
  return true, value
end

local syslog_keys = check.record {
  ident = ident, facility = check.one_of(check.keys(FACILITIES)), level = check.one_of(check.keys(LEVELS)),
  path = socket_path,
}

local function syslog(value)
  if value == true then value = {} end
  if type(value) ~= "table" then return check.expected("true or a table", value) end
  local ok, given, below = syslog_keys(value)
  if not ok then return false, given, below end
  local priority = FACILITIES[given.facility or "daemon"] * 8 + LEVELS[given.level or "info"]
  return true, { path = given.path or SOCKET, ident = given.ident, priority = priority }
end

local target = check.record {
  file = check.text, max_size = max_size, keep = check.integer(0, KEEP_MOST), max_age = check.seconds, gzip = flag,
  prefix = prefix, timestamp = flag, json = flag, shared = flag, syslog = syslog,
}

-- How a file is rotated.
output.rotation = { "max_size", "keep", "max_age", "gzip" }

local OF_FILES = { "max_size", "keep", "max_age", "gzip", "shared" }
local NOT_OF_SYSLOG = { "file", "prefix", "timestamp", "json" }

local function settle(result)
  for _, key in ipairs(result.syslog and NOT_OF_SYSLOG or {}) do
    if result[key] ~= nil then return false, "not together with syslog", "." .. key end
  end
  if result.gzip and result.keep == 0 then return false, "nothing is kept that could be compressed", ".gzip" end
  if not result.file then
    for _, key in ipairs(OF_FILES) do
      if result[key] ~= nil then return false, "needs a file", "." .. key end
    end
    if not (result.prefix or result.timestamp or result.json or result.syslog) then
      return false, "expected { file = path }, { prefix = true } or { syslog = true }"
    end
    return true, result
  end
  result.max_size, result.keep = result.max_size or MAX_SIZE, result.keep or KEEP
  return true, result
end

--- A check of what is given for a stream.
---@param names string[] what it may be by name
---@return function
function output.check(names)
  local named = check.one_of(names)
  return function(value)
    if type(value) == "function" then return true, value end
    if type(value) == "string" and value:find "[/.]" then
      return false, ('a file is { file = "%s" }'):format(value)
    end
    if type(value) == "string" then return named(value) end
    if type(value) ~= "table" then
      return check.expected("a table such as { file = path }, a name or a function", value)
    end
    local ok, result, below = target(value)
    if not ok then return false, result, below end
    if result.json and result.prefix then return false, "a JSON line has its unit in it", ".prefix" end
    return settle(result)
  end
end

-- ---- one file, one writer

local function normal(path)
  path = path:gsub("/+", "/"):gsub("/%./", "/")
  return (path:gsub("^%./", ""))
end

local function device(path)
  return path == "/dev/null" or path == "/dev/full"
end

local function agree(spec, key, one, other)
  if normal(one.file) ~= normal(other.target.file) then
    return keys.problem(spec, key .. ".file",
      ('is shared with %s "%s", which calls it %s; one file needs one name')
        :format(other.spec.kind, other.spec.name, other.target.file))
  end
  for _, name in ipairs(output.rotation) do
    if one[name] ~= other.target[name] then
      return keys.problem(spec, key .. "." .. name,
        ('differs from that of %s "%s", which shares %s'):format(other.spec.kind, other.spec.name, one.file))
    end
  end
  return true
end

local function add(files, spec, key, identify)
  local one = spec[key]
  if type(one) ~= "table" or not one.file or device(one.file) then return true end
  local path = identify(one.file)
  local other = files[path]
  if not other then
    files[path] = { spec = spec, key = key, target = one }
    return true
  end
  if one.shared and other.target.shared then return agree(spec, key, one, other) end
  if other.spec == spec then
    return keys.problem(spec, key .. ".file", ('stdout goes to %s too; say stderr = "stdout"'):format(one.file))
  end
  local text = '%s "%s" writes to %s too; give it another, or shared = true to both'
  return keys.problem(spec, key .. ".file", text:format(other.spec.kind, other.spec.name, one.file))
end

--- Whether the files of a program are its own, or shared by all who write to them.
---@param files table<string, table> who writes to them, by what `identify` makes of their paths; added to
---@param spec luvisor.Spec of a program
---@param identify? fun(path: string): string
---@return true|nil ok
---@return string? message
---@return string? code
function output.claim(files, spec, identify)
  for _, key in ipairs { "stdout", "stderr" } do
    local ok, message, code = add(files, spec, key, identify or normal)
    if not ok then return nil, message, code end
  end
  return true
end

return output
