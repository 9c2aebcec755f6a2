-- Compiles a chunk for embedding: bytecode with its lines, for tracebacks, and without the names of locals and
-- upvalues, which take a third of a module's memory.

local dump = require "dump"

local bytecode = {}

local NONE = "\x80" -- a list of nothing

--- The bytecode of a function.
---@param chunk function
---@return string
function bytecode.of(chunk)
  local text = string.dump(chunk)
  local out = { text:sub(1, dump.HEADER) }
  dump.read(text, function(from, _, stop)
    out[#out + 1] = text:sub(from, stop - 1)
  end, function(from, names)
    out[#out + 1] = text:sub(from, names - 1) .. NONE .. NONE
  end)
  local made = table.concat(out)
  assert(load(made, "made", "b"))
  return made
end

return bytecode
