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

local target = check.record {
  file = check.text, max_size = max_size, keep = check.integer(0, KEEP_MOST), prefix = prefix, timestamp = flag,
  json = flag, shared = flag,
}

local OF_FILES = { "max_size", "keep", "shared" }

local function settle(result)
  if not result.file then
    for _, key in ipairs(OF_FILES) do
      if result[key] ~= nil then return false, "needs a file", "." .. key end
    end
    if not (result.prefix or result.timestamp or result.json) then
      return false, "expected { file = path } or { prefix = true }"
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
    if type(value) ~= "table" then return named(value) end
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
  for _, name in ipairs { "max_size", "keep" } do
    if one[name] ~= other.target[name] then
      return keys.problem(spec, key .. "." .. name,
        ('differs from that of %s "%s", which shares %s'):format(other.spec.kind, other.spec.name, one.file))
    end
  end
  return true
end

local function add(files, spec, key)
  local one = spec[key]
  if type(one) ~= "table" or not one.file or device(one.file) then return true end
  local path = normal(one.file)
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
---@param files table<string, table> by path: who writes to them, added to
---@param spec luvisor.Spec of a program
---@return true|nil ok
---@return string? message
---@return string? code
function output.claim(files, spec)
  for _, key in ipairs { "stdout", "stderr" } do
    local ok, message, code = add(files, spec, key)
    if not ok then return nil, message, code end
  end
  return true
end

return output
