---@meta host.peer

-- Who is at the other end of a local socket.

---@class host.peer
local peer = {}

--- User, process and group, as of when it connected or began to listen; nobody can lie about them.
---@param fd integer
---@return integer|nil uid
---@return integer|string pid or message
---@return integer|string gid or CODE
function peer.of(fd) end

return peer
