-- Stream: the wire of a guest in a process, over file descriptors that it was given.

local native = require "host.guest"
local wire = require "luvisor.edge.guest.wire"

local stream = {}

---@param fds integer[] to read and to write, which may be the same; `pulse`: where the host sees its turns
---@return luvisor.Wire|nil
---@return string? message
function stream.open(fds, on_frame, on_ended)
  if fds.pulse then native.show(fds.pulse) end
  local same = fds[2] == nil or fds[2] == fds[1]
  return wire.stream({ native.own(fds[1]), not same and native.own(fds[2]) or nil }, on_frame, on_ended)
end

return stream
