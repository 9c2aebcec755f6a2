-- Dump: reads what string.dump gives, in the format of Lua 5.4's lundump.c. The build uses it as well.

local dump = {}

dump.HEADER = 31 + 1 -- bytes: signature, versions, sizes and samples; then the number of upvalues

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

-- The readers of one thing each give where the next one begins.

local function pass_number(text, at)
  return select(2, number(text, at))
end

local function pass_string(text, at)
  local size
  size, at = number(text, at)
  return size == 0 and at or at + size - 1
end

local function pass_two_numbers(text, at)
  return pass_number(text, pass_number(text, at))
end

local function pass_variable(text, at)
  return pass_two_numbers(text, pass_string(text, at))
end

local function pass_constant(text, at)
  local kind = text:byte(at)
  return STRINGS[kind] and pass_string(text, at + 1) or at + 1 + CONSTANTS[kind]
end

local function pass_list(text, at, pass)
  local count
  count, at = number(text, at)
  for _ = 1, count do at = pass(text, at) end
  return at
end

local function pass_bytes(text, at, size)
  local count
  count, at = number(text, at)
  return at + count * size
end

local function read_function(text, from, on_code, on_debug)
  local body = pass_two_numbers(text, pass_string(text, from))
  local at = pass_bytes(text, body + 3, 4) -- parameters, vararg, stack; instructions
  at = pass_bytes(text, pass_list(text, at, pass_constant), 3)
  local count
  count, at = number(text, at)
  on_code(from, body, at)
  for _ = 1, count do at = read_function(text, at, on_code, on_debug) end
  local names = pass_list(text, pass_bytes(text, at, 1), pass_two_numbers)
  local stop = pass_list(text, pass_list(text, names, pass_variable), pass_string)
  on_debug(at, names, stop)
  return stop
end

--- Reads a dump whole; raises an error where it is none. Of each function, an outer one before those in it, it tells
--- on_code(from, body, stop) where its source and its first and last line begin, where its code begins, and where that
--- ends; and, after those in it, on_debug(from, names, stop) where the lines of its code begin, and its names.
---@param text string
---@param on_code fun(from: integer, body: integer, stop: integer)
---@param on_debug fun(from: integer, names: integer, stop: integer)
function dump.read(text, on_code, on_debug)
  assert(read_function(text, dump.HEADER + 1, on_code, on_debug) == #text + 1, "this is not Lua 5.4's bytecode")
end

return dump
