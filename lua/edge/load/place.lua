-- Place: where a script describes a unit, as file and line.
--
-- After `return luvisor.supervisor { ... }` no frame of the file is left to ask: the call has taken its place. Below it
-- is then the function that runs the file, a runner, which still holds its path, or what runs the tree's script itself.
-- The line is that of the file's own `return`, which is its last statement.

local generations = require "luvisor.edge.load.generation"

local runners = generations.runners
runners[generations.load_module] = 3

local place = {}

local script = "?" -- path of the script that is being loaded

--- Names the script that is being loaded.
---@param path string
function place.set_script(path)
  script = path
end

local function running_file(level)
  local info = debug.getinfo(level + 1, "f")
  local _, argument = debug.getlocal(level + 1, runners[info.func] or 1)
  if runners[info.func] then return argument end
  if info.func == require then return package.searchpath(argument, package.path) or argument end
  if info.func == dofile then return argument end
  return script
end

-- the last line that begins with `return`, or else the last that has one at all
local function return_line(path)
  local file = io.open(path)
  if not file then return 0 end
  local number, outer, inner = 0, nil, 0
  for line in file:lines() do
    number = number + 1
    if line:find "^return%f[^%w_]" then outer = number end
    if line:find "%f[%w_]return%f[^%w_]" then inner = number end
  end
  file:close()
  return outer or inner
end

--- The place of the function at this level, 1 being the caller.
---@param level integer
---@return luvisor.Where
function place.of(level)
  local info = debug.getinfo(level + 1, "Slf")
  if info and info.what ~= "C" and not runners[info.func] then
    return { file = info.source:gsub("^@", ""), line = info.currentline }
  end
  local file = info and running_file(level + 1) or script
  return { file = file, line = return_line(file) }
end

return place
