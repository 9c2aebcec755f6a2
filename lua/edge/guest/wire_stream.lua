-- Wire stream: a wire over luv streams, for the executors of scripts: the same frames as over a socket, so that a
-- guest on the other end of a pipe, wherever that leads, can be spoken to.

local codec = require "host.codec"

local MOST = 16 << 20    -- bytes of a frame, as in host/message/link.h
local ROOM = 4 << 20     -- bytes that may wait to be written
local PREFIX = 4

---@class luvisor.WireStream
local Stream = { __name = "luvisor.wire_stream" }
Stream.__index = Stream

local function finish(self)
  if self.over then return end
  self.over = true
  self.on_ended()
end

-- the frames that are whole; what is left of the text stays for later
local function take_frames(self)
  local text, at = self.text, 1
  while #text - at + 1 >= PREFIX do
    local length = string.unpack("<I4", text, at)
    if length > MOST then return finish(self) end
    if #text - at + 1 < PREFIX + length then break end
    local frame = codec.decode(text:sub(at + PREFIX, at + PREFIX + length - 1))
    at = at + PREFIX + length
    if frame and not self.over then self.on_frame(frame) end
  end
  self.text = text:sub(at)
end

--- As luvisor.edge.guest.wire's.
function Stream:send(frame, urgent)
  local bytes, message, code = codec.encode(table.unpack(frame, 1, frame.n or #frame))
  if not bytes then return nil, message, code end
  if self.over or self.writer:is_closing() then return nil, "EPIPE: nobody is there", "EPIPE" end
  if not urgent and self.writer:get_write_queue_size() > ROOM then return nil, "EAGAIN: no room", "EAGAIN" end
  local ok
  ok, message, code = self.writer:write(string.pack("<s4", bytes))
  if not ok then return nil, message, code end
  return true
end

function Stream:close()
  self.over = true
  for _, stream in ipairs { self.reader, self.writer } do
    if not stream:is_closing() then stream:close() end
  end
end

local stream = {}

--- A wire that reads one stream and writes another; it closes both.
---@param reader table
---@param writer table
---@param on_frame fun(frame: table)
---@param on_ended fun()
function stream.open(reader, writer, on_frame, on_ended)
  local self = setmetatable({ reader = reader, writer = writer, on_frame = on_frame, on_ended = on_ended, text = "" },
    Stream)
  reader:read_start(function(err, chunk)
    if err or not chunk then return finish(self) end
    self.text = self.text .. chunk
    take_frames(self)
  end)
  return self
end

return stream
