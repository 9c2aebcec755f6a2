-- Notifications: hands what programs send to the host's notify socket to the unit in whose session the sender is.

local notify = require "host.notify"

local notifications = {}

---@param log function
---@return { address: function, hear: function, forget: function }
function notifications.new(log)
  local listeners, address, told = {}, nil, false

  local function on_message(session, text, pid)
    local listener = listeners[session]
    if listener then return listener(text) end
    if told then return end
    told = true
    log("warn", "luvisor", "a notification of pid %d was dropped: it is in no unit that may notify, or was gone "
      .. "before it was read (only the first is told)", pid)
  end

  local self = {}

  --- Address of the socket, which is opened for the first who asks; nil, message, CODE.
  function self.address()
    if address then return address end
    local message, code
    address, message, code = notify.open(on_message)
    return address, message, code
  end

  --- Has fn(text) called for each message of a session; text is nil when it was too long.
  function self.hear(session, fn)
    listeners[session] = fn
  end

  function self.forget(session)
    listeners[session] = nil
  end

  return self
end

return notifications
