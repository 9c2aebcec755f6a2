-- Compiles a chunk for embedding: bytecode with its lines, for tracebacks, and without the names of locals and
-- upvalues, which take a third of a module's memory. Knows the format of Lua 5.4's dumps.

local bytecode = {}

local HEADER = 4 + 1 + 1 + 6 + 3 + 8 + 8 -- signature, version, format, data, sizes, an integer, a number
local NIL, FALSE, TRUE, FLOAT, INTEGER, SHORT, LONG = 0x00, 0x01, 0x11, 0x13, 0x03, 0x04, 0x14
local PLAIN = { [NIL] = true, [FALSE] = true, [TRUE] = true }

local Reader = {}
Reader.__index = Reader

function Reader:skip(count)
  self.at = self.at + count
end

function Reader:byte()
  self.at = self.at + 1
  return self.text:byte(self.at - 1)
end

-- Seven bits a byte, the last one marked.
function Reader:size()
  local value = 0
  while true do
    local byte = self:byte()
    value = value << 7 | byte & 0x7f
    if byte & 0x80 ~= 0 then return value end
  end
end

function Reader:string()
  local size = self:size()
  if size > 0 then self:skip(size - 1) end
end

function Reader:constant()
  local kind = self:byte()
  if kind == FLOAT or kind == INTEGER then
    self:skip(8)
  elseif kind == SHORT or kind == LONG then
    self:string()
  elseif not PLAIN[kind] then
    error("unknown constant " .. kind)
  end
end

function Reader:each(read)
  for _ = 1, self:size() do read(self) end
end

function Reader:line() self:skip(1) end
function Reader:instruction() self:skip(4) end
function Reader:upvalue() self:skip(3) end

function Reader:absolute_line()
  self:size()
  self:size()
end

function Reader:variable()
  self:string()
  self:absolute_line()
end

function Reader:keep(from)
  self.out[#self.out + 1] = self.text:sub(from, self.at - 1)
end

local NONE = "\x80" -- a size of zero

function Reader:func()
  local from = self.at
  self:string() -- the source
  self:absolute_line() -- first and last
  self:skip(3) -- parameters, vararg, stack
  self:each(self.instruction)
  self:each(self.constant)
  self:each(self.upvalue)
  local count = self:size()
  self:keep(from)
  for _ = 1, count do self:func() end
  from = self.at
  self:each(self.line)
  self:each(self.absolute_line)
  self:keep(from)
  self:each(self.variable)
  self:each(self.string)
  self.out[#self.out + 1] = NONE .. NONE
end

--- The bytecode of a function.
---@param chunk function
---@return string
function bytecode.of(chunk)
  local reader = setmetatable({ text = string.dump(chunk), out = {}, at = 1 }, Reader)
  reader:skip(HEADER + 1)
  reader:keep(1)
  reader:func()
  assert(reader.at == #reader.text + 1, "this is not Lua 5.4's bytecode")
  local made = table.concat(reader.out)
  assert(load(made, "made", "b"))
  return made
end

return bytecode
