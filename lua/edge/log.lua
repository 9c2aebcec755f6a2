-- Log: the host's own lines, "time level unit message" as text or JSON, on stderr or in a file.

local process = require "host.process"
local system = require "host.system"
local units = require "luvisor.core.units"
local uv = require "luvisor.core.lazy" "luv"

local log = {}

log.levels = { "debug", "info", "warn", "error", "none" }
log.formats = { "text", "json" }

local RANK = {}
for rank, name in ipairs(log.levels) do RANK[name] = rank end

local COLOURS = { debug = "\27[2m", info = "", warn = "\27[33m", error = "\27[31m" }
local STDERR = 2

local divert -- where lines go instead of stderr

--- Has fn(line) get the lines, each with its newline; nil sends them to stderr again.
---@param fn fun(line: string)|nil
function log.divert(fn)
  divert = fn
end

local function put(line)
  if divert then return divert(line) end
  system.put(STDERR, line)
end

--- The wall clock so many seconds ago, as the log writes it.
---@param age number
---@return string
function log.stamp(age)
  local now = system.wall() - age
  local whole = math.floor(now)
  return os.date("%Y-%m-%dT%H:%M:%S", whole) .. (".%03d"):format(math.floor((now - whole) * 1000))
end

local function text_line(level, unit, message)
  return ("%s %-5s %s %s\n"):format(log.stamp(0), level, unit, message)
end

local function coloured_line(level, unit, message)
  return ("\27[2m%s\27[0m %s%-5s\27[0m \27[1m%s\27[0m %s%s\27[0m\n"):format(log.stamp(0), COLOURS[level], level, unit,
    COLOURS[level], message)
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quoted(text)
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  return '"' .. text:gsub('[%c"\\\127]', function(char)
    return ESCAPES[char] or ("\\u%04x"):format(char:byte())
  end) .. '"'
end

local function json_line(level, unit, message)
  return ('{"time":%s,"level":%s,"unit":%s,"message":%s}\n'):format(quoted(log.stamp(0)), quoted(level), quoted(unit),
    quoted(message))
end

local function choose_format(format, in_file)
  if format == "json" then return json_line end
  local plain = in_file or not system.is_terminal(STDERR) or os.getenv "NO_COLOR"
  return plain and text_line or coloured_line
end

local function name_of(unit)
  return type(unit) == "string" and unit or unit:path()
end

-- One line each, whatever a unit puts into its message.
local function one_line(message)
  return (message:gsub("[\r\n]+", " | "))
end

--- A log: write(level, unit or name, format, ...), and which levels are worth the trouble of wording a message.
---@param options { level: string, format: string, file?: host.process.Log } file: in place of stderr
---@return fun(level: string, unit: table|string, format: string, ...: any) write
---@return table<string, boolean> enabled
function log.new(options)
  local lowest = RANK[options.level or "info"]
  local file = options.file
  local line = choose_format(options.format, file)
  local enabled = {}
  for name, rank in pairs(RANK) do enabled[name] = rank >= lowest and name ~= "none" end
  local function write(level, unit, format, ...)
    if not enabled[level] then return end
    local message = select("#", ...) > 0 and format:format(...) or format
    local text = line(level, name_of(unit), one_line(message))
    if file then file:write(text) else put(text) end
  end
  return write, enabled
end

-- ---- a file

local MAX_SIZE, KEEP, KEEP_MOST, SMALLEST = 50 * 1024 * 1024, 10, 1000, 4096

--- The size of a file from the command line.
---@param text string
---@return integer|nil bytes
---@return string? message
function log.size(text)
  local bytes = units.size(tonumber(text) or text)
  if bytes and (bytes == 0 or bytes >= SMALLEST) then return bytes end
  return nil, ('expected 0 or a size from 4096 bytes on, such as "50MB", got "%s"'):format(text)
end

--- How many rotated files are kept, from the command line.
---@param text string
---@return integer|nil count
---@return string? message
function log.keep(text)
  local count = math.tointeger(tonumber(text))
  if count and count >= 0 and count <= KEEP_MOST then return count end
  return nil, ('expected a whole number from 0 to %d, got "%s"'):format(KEEP_MOST, text)
end

--- Opens the file of the log, if there is to be one.
---@param options table<string, any> of the command line
---@return host.process.Log|false|nil file false for none, nil and a message when it cannot be opened
---@return string? message
function log.open(options)
  local path = options["log-file"]
  if not path then return false end
  if path:sub(1, 1) ~= "/" then
    local here, reason = uv.cwd()
    if not here then return nil, ("--log-file: %s: no current directory: %s"):format(path, reason) end
    path = here .. "/" .. path
  end
  local size = options["log-size"] or MAX_SIZE
  local file, message = process.open_log { file = path, max_size = size, keep = options["log-keep"] or KEEP }
  if not file then return nil, ("--log-file: %s: %s"):format(message, path) end
  log.path = path
  return file
end

return log
