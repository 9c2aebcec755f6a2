-- Wire stream: a wire over luv streams, for the executors of scripts: the same frames as over a socket, so that a
-- guest on the other end of a pipe, wherever that leads, can be spoken to.

local codec = require "host.codec"

local MOST = 16 << 20    -- bytes of a frame, as in host/message/link.h
local ROOM = 4 << 20     -- bytes that may wait to be written
local PREFIX = 4

---@class luvisor.WireStream
local Stream = { __name = "luvisor.wire_stream" }
Stream.__index = Stream

-- Nothing more is read from one that says what no guest does.
local function finish(self, nonsense)
  if self.over then return end
  self.over, self.chunks = true, {}
  if not self.reader:is_closing() then self.reader:read_stop() end
  self.on_ended(nonsense)
end

-- the frames that are whole; what is left stays for later
local function take_frames(self)
  local text, at = table.concat(self.chunks), 1
  self.wanted = PREFIX
  while #text - at + 1 >= PREFIX do
    local length = string.unpack("<I4", text, at)
    if length == 0 or length > MOST then return finish(self, ("a frame of %d bytes"):format(length)) end
    self.wanted = PREFIX + length
    if #text - at + 1 < self.wanted then break end
    local frame = codec.decode(text:sub(at + PREFIX, at + self.wanted - 1))
    if not frame then return finish(self, "a frame that cannot be decoded") end
    at, self.wanted = at + self.wanted, PREFIX
    self.on_frame(frame)
    if self.over then return end
  end
  self.chunks, self.size = { text:sub(at) }, #text - at + 1
end

local function take(self, chunk)
  self.chunks[#self.chunks + 1], self.size = chunk, self.size + #chunk
  if self.size >= self.wanted then take_frames(self) end
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
---@param on_ended fun(nonsense?: string) what came from the other end, where that was no guest
function stream.open(reader, writer, on_frame, on_ended)
  local self = setmetatable({ reader = reader, writer = writer, on_frame = on_frame, on_ended = on_ended, chunks = {},
    size = 0, wanted = PREFIX }, Stream)
  reader:read_start(function(err, chunk)
    if self.over then return end
    if err or not chunk then return finish(self) end
    take(self, chunk)
  end)
  return self
end

return stream
