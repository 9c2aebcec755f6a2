-- Bytecode: what a Lua function does, without where it stands: its dump, with the lines on which it and the functions
-- in it begin and end taken out. So code that only moved within its file is still the same code. Knows the format of
-- Lua 5.4's lundump.c; of a dump that it cannot read it gives back all.

local bytecode = {}

local HEADER = 31 + 1 -- signature, versions, sizes and samples; then the number of upvalues
local CONSTANTS = { [0x00] = 0, [0x01] = 0, [0x11] = 0, [0x03] = 8, [0x13] = 8 } -- bytes that follow the type
local STRINGS = { [0x04] = true, [0x14] = true }

-- big-endian groups of seven bits, the last one marked
local function number(text, at)
  local value = 0
  while true do
    local byte = text:byte(at)
    at = at + 1
    value = value << 7 | byte & 0x7f
    if byte & 0x80 ~= 0 then return value, at end
  end
end

local function skip_string(text, at)
  local size
  size, at = number(text, at)
  return size == 0 and at or at + size - 1
end

local function skip_constants(text, at)
  local count
  count, at = number(text, at)
  for _ = 1, count do
    local kind = text:byte(at)
    at = at + 1
    if STRINGS[kind] then at = skip_string(text, at) else at = at + CONSTANTS[kind] end
  end
  return at
end

local function skip_list(text, at, size)
  local count
  count, at = number(text, at)
  return at + count * size
end

-- The debug information of a stripped function is four empty lists.
local function skip_debug(_, at)
  return at + 4
end

local function read_function(text, at, pieces)
  at = skip_string(text, at)
  local _
  _, at = number(text, at)
  _, at = number(text, at)
  local first = at
  at = skip_list(text, at + 3, 4) -- parameters, vararg, stack; instructions
  at = skip_list(text, skip_constants(text, at), 3)
  local count
  count, at = number(text, at)
  pieces[#pieces + 1] = text:sub(first, at - 1)
  for _ = 1, count do at = read_function(text, at, pieces) end
  return skip_debug(text, at)
end

--- What a Lua function does, as a text to compare.
---@param fn function not one of C's
---@return string
function bytecode.of(fn)
  local text, pieces = string.dump(fn, true), {}
  local ok, last = pcall(read_function, text, HEADER + 1, pieces)
  if not ok or last ~= #text + 1 then return text end
  return table.concat(pieces)
end

return bytecode
