---@meta host.daemon

-- What makes the process one that others may rely on: its lock, its standard streams, the descriptors it was started
-- with. Main thread only.

---@class host.daemon
local daemon = {}

--- Takes the lock at a path and writes the own pid into it; closing the descriptor, or the end of the process, lets go
--- of it. CODE is "EBUSY" when somebody else has it.
---@param path string
---@return integer|nil fd
---@return string? message
---@return string? code
---@return integer? holder pid, 0: not known
function daemon.lock(path) end

--- Empties stdin, and has stdout and stderr appended to a file.
---@param path string
---@return true|nil ok
---@return string? message
---@return string? code
function daemon.streams(path) end

--- Sees to it that no child gets a descriptor by accident.
---@param fd integer
---@return boolean open whether there is such a descriptor
function daemon.keep(fd) end

--- Opens a socket for somebody else to serve: `host` in numbers, or "*", and `port`, or a `path` ("@..." is abstract).
--- Without `backlog` it is one for datagrams.
---@param place { host?: string, port?: integer, path?: string, mode?: integer, backlog?: integer }
---@return integer|nil fd
---@return string? message
---@return string? code
function daemon.listen(place) end

return daemon
