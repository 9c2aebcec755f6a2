-- Writes the modules of lua/ into one C file (see host/embedded.h).
-- usage: lua5.4 embed.lua SOURCE_DIR LIST OUTPUT
-- LIST names the files, one a line, relative to SOURCE_DIR. A file that does not parse fails the build.

local source_dir, list_path, output_path = ...
package.path = source_dir .. "/cmake/?.lua"
local bytecode = require "bytecode"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = assert(file:read("a"))
  file:close()
  return text
end

local function module_name(path)
  local inner = assert(path:match("^lua/(.+)%.lua$"), "not a module of lua/: " .. path)
  return inner == "init" and "luvisor" or "luvisor." .. inner:gsub("/", ".")
end

local LINE = 32 -- bytes

--- The bytes as C string literals; octal escapes are always three digits, so that a digit may follow.
local function literal(bytes)
  local lines = {}
  for at = 1, #bytes, LINE do
    local body = bytes:sub(at, at + LINE - 1):gsub('[^%w _.]', function(char) return ("\\%03o"):format(char:byte()) end)
    lines[#lines + 1] = '    "' .. body .. '"'
  end
  return table.concat(lines, "\n")
end

local function load_modules()
  local modules, seen = {}, {}
  for path in read(list_path):gmatch("[^\n]+") do
    local text, name = read(source_dir .. "/" .. path), module_name(path)
    local chunk, message = load(text, "=luvisor/" .. path:match "^lua/(.+)$", "t")
    if not chunk then
      error(message, 0)
    elseif seen[name] then
      error(("%s and %s are both module %s"):format(seen[name], path, name), 0)
    end
    seen[name] = path
    modules[#modules + 1] = { name = name, bytes = bytecode.of(chunk) }
  end
  table.sort(modules, function(a, b) return a.name < b.name end)
  return modules
end

local function emit(modules)
  local out = { '/* Written by cmake/embed.lua. */\n#include "embedded.h"\n' }
  out[#out + 1] = "const struct embedded embedded_modules[] = {"
  for _, module in ipairs(modules) do
    out[#out + 1] = ('  {"%s",\n%s,\n   %d},'):format(module.name, literal(module.bytes), #module.bytes)
  end
  out[#out + 1] = "  {0, 0, 0},\n};\n"
  out[#out + 1] = ("const size_t embedded_count = %d;\n"):format(#modules)
  return table.concat(out, "\n")
end

local ok, result = pcall(function() return emit(load_modules()) end)
if not ok then
  io.stderr:write(tostring(result), "\n")
  os.exit(1)
end
local file = assert(io.open(output_path, "wb"))
assert(file:write(result))
assert(file:close())
