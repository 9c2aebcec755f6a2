-- Post: carries letters between two runtimes, one at each end of their wire. A letter goes to the runtime where its
-- address is known, and the answer of a call comes back; when the wire ends, all who wait for one are told.
-- A message that finds a full mailbox over there is dropped, and said to be: its sender has long gone on.

local exchange = require "luvisor.machine.exchange"
local mailbox = require "luvisor.machine.mailbox"

local Post = { __name = "luvisor.post" }
Post.__index = Post

local post = {}

---@param env table
---@param send fun(frame: table, urgent?: boolean): true|nil, string?, string?
---@return table
function post.new(env, send)
  return setmetatable({ env = env, codec = env.codec, write = send, waiting = {}, last = 0 }, Post)
end

--- Sends a letter to an address over there: true, or nil, message, CODE.
function Post:deliver(address, letter)
  local id = false
  if letter.kind == "call" then
    id = self.last + 1
    self.last, self.waiting[id] = id, letter
  end
  local ok, message, code = self.write(table.pack("letter", address, letter.kind or false, id,
    table.unpack(letter, 1, letter.n)))
  if ok then return true end
  self.waiting[id] = nil
  return nil, message, code
end

--- A letter has come from over there.
function Post:letter(address, kind, id, ...)
  local letter = table.pack(...)
  letter.kind = kind or nil
  if id then letter.answer = function(...) self.write(table.pack("answer", id, ...), true) end end
  local ok, message, code, why = exchange.deliver(self.env, address, letter)
  if ok then return end
  if id then return letter.answer(nil, message, code, why) end
  self.env.log("warn", address, "a message from another runtime was dropped: %s", message)
end

--- An answer has come.
function Post:answer(id, ...)
  local letter = self.waiting[id]
  self.waiting[id] = nil
  if letter then mailbox.answer(self.env, letter, ...) end
end

--- The wire has ended: nothing will be answered any more.
---@param path string of the unit that was over there
---@param why luvisor.Exit
function Post:close(path, why)
  local waiting = self.waiting
  self.waiting = {}
  for _, letter in pairs(waiting) do
    mailbox.answer(self.env, letter, nil, ("%s is down: %s"):format(path, tostring(why)), "DOWN", why)
  end
end

return post
