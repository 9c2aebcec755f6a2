-- Inquiry: what a guest asks its host, see commons.lua. The names that the host has given to units of this runtime are
-- noted here as well: messages to them need not go round by the host.

local unit = require "luvisor.machine.unit"

local Inquiry = { __name = "luvisor.inquiry" }
Inquiry.__index = Inquiry

local inquiry = {}

---@param env table
---@param send fun(frame: table): true|nil, string?, string?
function inquiry.new(env, send)
  return setmetatable({ env = env, codec = env.codec, write = send, waiting = {}, last = 0 }, Inquiry)
end

--- Asks; reply(...) is called with the answer, once. Nil, message, CODE when nobody can be asked.
---@param path string|false of the unit that asks
function Inquiry:pass(reply, operation, path, ...)
  local id = self.last + 1
  self.last, self.waiting[id] = id, reply
  local ok, message, code = self.write(table.pack("ask", id, operation, path, ...))
  if not ok then self.waiting[id] = nil end
  return ok, message, code
end

--- The host has answered.
function Inquiry:told(id, ...)
  local reply = self.waiting[id]
  self.waiting[id] = nil
  if reply then reply(...) end
end

local function note_name(self, name, one, generation)
  if unit.is_alive(one) and one.generation == generation then self.env.registry:register(name, one) end
end

--- Asks for a worker, which waits: the answer, or nil, message, CODE.
---@param one? table its unit
function Inquiry:ask(operation, one, ...)
  local task, generation, name = self.env.task, one and one.generation, (...)
  local id, number = task.current()
  if not id then error(operation .. ": this place cannot wait for the answer of the host", 3) end
  local ok, message, code = self:pass(function(first, ...)
    if first and operation == "register" then note_name(self, name, one, generation) end
    task.wake(id, number, first, ...)
  end, operation, one and one:path() or false, ...)
  if not ok then return nil, message, code end
  return task.park()
end

--- Asks, and nobody waits.
function Inquiry:tell(operation, one, ...)
  self:pass(function() end, operation, one:path(), ...)
end

return inquiry
