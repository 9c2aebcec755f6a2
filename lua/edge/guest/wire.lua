-- Wire: what goes over a link between two runtimes: lists of plain values, each encoded as one frame.

local codec = require "host.codec"
local guest = require "host.guest"

local wire = {}

---@class luvisor.Wire
local Wire = { __name = "luvisor.wire" }
Wire.__index = Wire

--- Sends a row of values, their number in `n` where some may be nil; nil, message, CODE when there is no room or
--- nobody on the other side. What is `urgent` finds room.
---@param frame table
---@param urgent? boolean
function Wire:send(frame, urgent)
  local bytes, message, code = codec.encode(table.unpack(frame, 1, frame.n or #frame))
  if not bytes then return nil, message, code end
  return self.link:send(bytes, urgent)
end

--- Sends such a row that was encoded before.
---@param bytes string
---@param urgent? boolean
function Wire:send_bytes(bytes, urgent)
  return self.link:send(bytes, urgent)
end

--- Bytes that closing would lose.
function Wire:pending()
  return self.link:pending()
end

--- How late the other side's turn is: seconds, the limit's name, the number of the turn; nothing when it is not.
function Wire:late()
  return self.link:late()
end

--- Closes it; a thread on the other side that has not ended goes on by itself.
function Wire:close()
  self.link:close()
end

local function open(maker, on_frame, on_ended, argument)
  local function arrived(bytes)
    local frame = codec.decode(bytes)
    if frame then on_frame(frame) end
  end
  local link, message, code = guest[maker](argument, arrived, on_ended)
  if not link then return nil, message, code end
  return setmetatable({ link = link }, Wire)
end

--- A new thread with a runtime of its own, and the wire to it.
---@param on_frame fun(frame: table)
---@param on_ended fun() called once, when everything of it is gone
---@return luvisor.Wire|nil
---@return string? message
---@return string? code
function wire.thread(on_frame, on_ended)
  return open("thread", on_frame, on_ended)
end

--- A wire over file descriptors, which it takes over.
---@param fds integer[] for reading and writing, or one for both
function wire.stream(fds, on_frame, on_ended)
  return open("stream", on_frame, on_ended, fds)
end

--- The wire of a thread to who started it.
function wire.parent(on_frame, on_ended)
  return open("parent", on_frame, on_ended)
end

return wire
