-- Sockets: what the host keeps open for its programs, those that a service manager has handed to it and those that it
-- opens itself. One address is opened once, by whoever asks first, and stays open until the host ends, or nobody has
-- it in its spec any more: a program that is being restarted is not missed, its clients wait in the queue.

local branch = require "luvisor.machine.branch"
local native = require "host.daemon"
local uv = require "luv"

local sockets = {}

local function note_sockets(spec, used)
  for _, one in ipairs(spec.sockets or {}) do used[one.text] = true end
end

local function note_specs(spec, used)
  note_sockets(spec, used)
  if spec.template then note_specs(spec.template, used) end
  for _, child in ipairs(spec.children or {}) do note_specs(child, used) end
end

---@param received table<string, integer> by name, from the service manager
---@return { open: function, open_all: function, close_unused: function, close: function }
function sockets.new(received)
  local self, opened = {}, {}

  local function open(one)
    if one.kind == "inherited" then
      return nil, "ENOENT: the service manager has passed no socket of that name", "ENOENT"
    end
    local fd, message, code = native.listen(one)
    if not fd then return nil, ("%s: %s"):format(one.text, message), code end
    opened[one.text] = { fd = fd, path = one.kind == "unix" and one.path:sub(1, 1) == "/" and one.path or nil }
    return fd
  end

  --- The descriptor of a socket: of the one that was received by that name, else of the one at that address.
  ---@return integer|nil fd
  ---@return string? message
  ---@return string? code
  function self.open(one)
    if received[one.name] then return received[one.name] end
    if opened[one.text] then return opened[one.text].fd end
    return open(one)
  end

  --- Opens all sockets of a unit and of everything below it, as far as that goes: whoever cannot have one is told so
  --- when it is started.
  ---@param spec luvisor.Spec
  function self.open_all(spec)
    for _, one in ipairs(spec.sockets or {}) do self.open(one) end
    for _, child in ipairs(spec.children or {}) do
      if child.executor == "coroutine" then self.open_all(child) end -- another runtime keeps its own
    end
  end

  local function close(text)
    local one = opened[text]
    opened[text] = nil
    uv.fs_close(one.fd)
    if one.path then uv.fs_unlink(one.path) end
  end

  --- Closes those that nobody in the tree has any more, neither who runs nor who is to run.
  ---@param root table the root's unit
  function self.close_unused(root)
    local used = {}
    note_specs(root.spec, used)
    branch.walk(root, root:path(), function(unit) note_sockets(unit.spec, used) end)
    for text in pairs(opened) do
      if not used[text] then close(text) end
    end
  end

  --- Closes those that were opened.
  function self.close()
    for text in pairs(opened) do close(text) end
  end

  return self
end

return sockets
