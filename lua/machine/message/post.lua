-- Post: carries letters between two runtimes, one at each end of their wire. A letter goes to the runtime where its
-- address is known, and the answer of a call comes back; when the wire ends, all who wait for one are told.
--
-- A full mailbox refuses a message from elsewhere as it does one of its own runtime: an address over there may have as
-- many messages under way as its mailbox has room, and the next one is refused. One that arrives when the mailbox is
-- full is held here, with all that come after it; only what is in the mailbox counts as arrived, and is reported back.

local exchange = require "luvisor.machine.message.exchange"
local mailbox = require "luvisor.machine.message.mailbox"

local Post = { __name = "luvisor.post" }
Post.__index = Post

local post = {}

local GATHER = 0.01 -- seconds, and
local BATCH = 50    -- messages of one address, until their arrival is reported
local RETRY = 0.001 -- seconds between two looks for room, at first, and
local RETRY_MOST = 0.1

---@param env table
---@param to luvisor.Wire|luvisor.Guest calls may go the short way over its `link`, where it has one
---@return table
function post.new(env, to)
  return setmetatable({
    env = env, codec = env.codec, to = to, link = to.link, waiting = {}, last = 0,
    under_way = {}, -- by address over there: messages that have not arrived
    arrived = {},   -- by address here: messages that were not reported yet
    held = {},      -- by address here: letters that found no room
  }, Post)
end

local function room_for(self, address, limit)
  local settings = self.env.settings
  return (self.under_way[address] or 0) < (limit or settings and settings.mailbox or mailbox.CAPACITY)
end

--- Sends a letter to an address over there: true, or nil, message, CODE.
---@param address string
---@param letter table
---@param limit? integer room of its mailbox, if that is known
function Post:deliver(address, letter, limit)
  local id = false
  if letter.kind == "call" then
    id = self.last + 1
    self.last, self.waiting[id] = id, letter
  elseif not room_for(self, address, limit) then
    return nil, "mailbox full", "EAGAIN"
  end
  local ok, message, code = self.to:send(table.pack("letter", address, letter.kind or false, id,
    table.unpack(letter, 1, letter.n)))
  if not ok then
    self.waiting[id] = nil
    if code == "EPIPE" then return nil, address .. " is down: " .. message, "DOWN" end -- nobody has said so yet
    return nil, message, code
  end
  if not id then self.under_way[address] = (self.under_way[address] or 0) + 1 end
  return true
end

--- From now on calls to `target`, which is this address over there, go the short way, see host.mailbox.
function Post:route(target, address, timeout)
  if self.link then self.env.mail.route_far(target, self.link, timeout, address) end
end

--- Messages to these addresses have arrived: address, count, ...
function Post:taken(list)
  for i = 1, #list, 2 do
    local left = (self.under_way[list[i]] or 0) - list[i + 1]
    self.under_way[list[i]] = left > 0 and left or nil
  end
end

-- ---- what comes from over there

local function report(self)
  self.reporting = nil
  local list = {}
  for address, count in pairs(self.arrived) do
    list[#list + 1], list[#list + 2] = address, count
  end
  self.arrived = {}
  if #list > 0 then self.to:send({ "taken", list }, true) end
end

local function note_arrived(self, address)
  local count = (self.arrived[address] or 0) + 1
  self.arrived[address] = count
  if count >= BATCH then return report(self) end
  self.reporting = self.reporting or self.env.after(GATHER, report, self)
end

-- false when there is no room for it
local function hand_over(self, address, letter)
  local ok, message, code, why = exchange.pass_on(self.env, address, letter)
  local is_call = letter.kind == "call"
  if not ok and code == "EAGAIN" and not is_call then return false end
  if not is_call then note_arrived(self, address) end
  if ok then return true end
  if is_call then
    letter.answer(nil, message, code, why)
  else
    self.env.log("warn", address, "a message from another runtime was dropped: %s", message)
  end
  return true
end

-- Looks less and less often where nothing moves.
local function try_again(self, pause)
  self.trying = nil
  pause = math.min(2 * pause, RETRY_MOST)
  for address, list in pairs(self.held) do
    while list.first <= list.last and hand_over(self, address, list[list.first]) do
      list[list.first] = nil
      list.first, pause = list.first + 1, RETRY
    end
    if list.first > list.last then self.held[address] = nil end
  end
  if next(self.held) then
    self.trying = self.env.after(pause, try_again, self, pause)
  elseif self.link then
    self.link:hold(false)
  end
end

local function hold(self, address, letter)
  local list = self.held[address] or { first = 1, last = 0 }
  self.held[address] = list
  list.last = list.last + 1
  list[list.last] = letter
  if self.link then self.link:hold(true) end -- a call is not to overtake it
  self.trying = self.trying or self.env.after(RETRY, try_again, self, RETRY)
end

-- What is too large for a frame is answered as well.
local function answer(self, id, ...)
  local ok, message, code = self.to:send(table.pack("answer", id, ...), true)
  if not ok then self.to:send(table.pack("answer", id, nil, "the answer cannot be sent: " .. message, code), true) end
end

--- A letter has come from over there.
function Post:letter(address, kind, id, ...)
  local letter = table.pack(...)
  letter.kind = kind or nil
  if id then letter.answer = function(...) answer(self, id, ...) end end
  if self.held[address] or not hand_over(self, address, letter) then hold(self, address, letter) end
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
  self.waiting, self.under_way = {}, {}
  self.to = { send = function() return nil, "EPIPE: nobody is there", "EPIPE" end }
  local text = ("%s is down: %s"):format(path, tostring(why))
  for _, letter in pairs(waiting) do mailbox.answer(self.env, letter, nil, text, "DOWN", why) end
  local calls = self.link and self.link:give_up() or {}
  for i = 1, #calls, 2 do self.env.task.wake(calls[i], calls[i + 1], nil, text, "DOWN", why) end
end

return post
