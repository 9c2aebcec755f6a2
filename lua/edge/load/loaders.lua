-- Loaders: what loads code for a generation, with its globals where none are given: its load, loadfile and dofile. And
-- what its require says of a module that there is not.

local generations = require "luvisor.edge.load.generation"
local place = require "luvisor.edge.load.place"

local loaders = {}

local function with_globals(globals, fn)
  return function(chunk, name, mode, ...)
    if select("#", ...) > 0 then return fn(chunk, name, mode, ...) end
    return fn(chunk, name, mode, globals)
  end
end

-- For whoever called require: Lua's own message lists every file that there is not. Of a `return require "name"` no
-- frame is left to name.
function loaders.refuse(name)
  local message = ("module '%s' not found beside the script or on package.path"):format(name)
  if not debug.getinfo(2, "t").istailcall then error(message, 3) end
  local where = place.of(3)
  error(("%s:%d: %s"):format(where.file, where.line, message), 0)
end

local made = setmetatable({}, { __mode = "k" }) -- by globals

--- Those of a generation with these globals.
---@param globals table
---@return table
function loaders.of(globals)
  local own = made[globals]
  if own then return own end
  own = {}
  made[globals] = own
  function own.loadfile(path, mode, ...)
    if select("#", ...) > 0 then return loadfile(path, mode, ...) end
    return loadfile(path, mode, globals)
  end
  function own.dofile(path)
    local chunk, message = loadfile(path, nil, globals)
    if not chunk then error(message, 2) end
    local results = table.pack(chunk())
    return table.unpack(results, 1, results.n)
  end
  own.load = with_globals(globals, load)
  generations.runners[own.dofile] = 1
  return own
end

return loaders
