-- Connect: a connection to a server by name, address or path, over luv; tries one address after the other.

local uv = require "luv"

local connect = {}

local LOOPBACK = { "127.0.0.1", "::1" }

local function is_numeric(host)
  return host:find(":", 1, true) or host:find("^%d+%.%d+%.%d+%.%d+$")
end

local function close_handle(self)
  if self.handle and not self.handle:is_closing() then self.handle:close() end
  self.handle = nil
end

local function answer(self, err)
  if self.closed then return end
  local done = self.done
  self.done = nil
  if err then close_handle(self) end
  if done then done(err, self.handle) end
end

local function try(self, addresses, index)
  close_handle(self)
  self.handle = uv.new_tcp()
  local started, message = self.handle:connect(addresses[index], self.port, function(err)
    if self.closed then return end
    if err and addresses[index + 1] then return try(self, addresses, index + 1) end
    answer(self, err)
  end)
  if started then return end
  if addresses[index + 1] then return try(self, addresses, index + 1) end
  answer(self, message)
end

local function look_up(self, host)
  local started, message = uv.getaddrinfo(host, nil, { socktype = "stream" }, function(err, found)
    if self.closed then return end
    local addresses = {}
    for i, one in ipairs(found or {}) do addresses[i] = one.addr end
    if not addresses[1] then return answer(self, err or "ENOENT: no address of " .. host) end
    try(self, addresses, 1)
  end)
  if not started then answer(self, message) end
end

local function open_path(self, path)
  self.handle = uv.new_pipe(false)
  self.handle:connect(path, function(err) answer(self, err) end)
end

--- Connects to { host =, port = } (without a host: this machine, IPv4 before IPv6) or { path = } of a unix socket.
---@param target { host?: string, port?: integer, path?: string }
---@param done fun(err: string|nil, stream: userdata|nil) once, unless it was closed before
---@return function close ends the attempt, or the connection
function connect.open(target, done)
  local self = { port = target.port, done = done }
  if target.path and not target.port then
    open_path(self, target.path)
  elseif not target.host then
    try(self, LOOPBACK, 1)
  elseif is_numeric(target.host) then
    try(self, { target.host }, 1)
  else
    look_up(self, target.host)
  end
  return function()
    self.closed = true
    close_handle(self)
  end
end

return connect
