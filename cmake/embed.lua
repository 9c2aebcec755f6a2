-- Compiles the modules of lua/ into one file for cmake/pack.c: for each, sorted, ".NAME SIZE\n" and its bytecode.
-- usage: lua5.4 embed.lua SOURCE_DIR LIST OUTPUT
-- LIST names the files, one a line, relative to SOURCE_DIR. A file that does not parse fails the build.

local source_dir, list_path, output_path = ...
package.path = source_dir .. "/cmake/?.lua;" .. source_dir .. "/lua/core/?.lua"
local bytecode = require "bytecode"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = assert(file:read("a"))
  file:close()
  return text
end

local function module_name(path)
  local inner = assert(path:match("^lua/(.+)%.lua$"), "not a module of lua/: " .. path)
  return inner == "init" and "" or inner:gsub("/", ".")
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
  local out = {}
  for i, module in ipairs(modules) do out[i] = (".%s %d\n%s"):format(module.name, #module.bytes, module.bytes) end
  return table.concat(out)
end

local ok, result = pcall(function() return emit(load_modules()) end)
if not ok then
  io.stderr:write(tostring(result), "\n")
  os.exit(1)
end
local file = assert(io.open(output_path, "wb"))
assert(file:write(result))
assert(file:close())
