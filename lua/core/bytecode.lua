-- Bytecode: what a Lua function does, without where it stands: its dump, with the lines on which it and the functions
-- in it begin and end taken out. So code that only moved within its file is still the same code. Of a dump that cannot
-- be read it is all.

local dump = require "luvisor.core.dump"

local bytecode = {}

local function ignore() end

--- What a Lua function does, as a text to compare.
---@param fn function not one of C's
---@return string
function bytecode.of(fn)
  local text, pieces = string.dump(fn, true), {}
  local ok = pcall(dump.read, text, function(_, body, stop) pieces[#pieces + 1] = text:sub(body, stop - 1) end, ignore)
  return ok and table.concat(pieces) or text
end

return bytecode
