---@meta host.notify

-- The socket to which programs of the host send notifications (sd_notify). Main thread only.

---@class host.notify
local notify = {}

--- Opens the socket, once. fn(session, text, pid) is called for each message: with the session that its sender is in, 0
--- when the sender was gone already, and without text when that was too long. Descriptors that came with it are closed.
---@param fn fun(session: integer, text: string|nil, pid: integer)
---@return string|nil address for NOTIFY_SOCKET
---@return string? message
---@return string? code
function notify.open(fn) end

--- Closes it; fine when it is not open.
function notify.close() end

--- Tells a service manager something; never waits.
---@param address string of NOTIFY_SOCKET
---@param text string
---@return true|nil ok
---@return string? message
---@return string? code
function notify.send(address, text) end

return notify
