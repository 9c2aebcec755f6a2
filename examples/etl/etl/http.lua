-- SPDX-License-Identifier: Apache-2.0
-- One HTTP request over one TCP connection. There is no timeout in here: a worker that waits too long misses its
-- heartbeat, and its supervisor ends it, which closes the connection too.

local uv = require "luv"

local http = {}

local function closing(socket)
  return setmetatable({}, { __close = function()
    if not socket:is_closing() then socket:close() end
  end })
end

-- What a callback of luv was given, error first, or what luv refused at once: nil, message, code.
local function problem(err, message, code)
  return err or code and message
end

-- A function that takes a callback: reads to the end, then calls it with an error or with all that was read.
local function read_all(socket, done)
  local parts = {}
  return socket:read_start(function(err, chunk)
    if err or not chunk then return done(err, table.concat(parts)) end
    parts[#parts + 1] = chunk
  end)
end

--- Posts a body.
---@return integer|nil status
---@return string answer or message
function http.post(self, port, path, body)
  local socket = uv.new_tcp()
  local _ <close> = closing(socket)
  local err = problem(self:await(socket.connect, socket, "127.0.0.1", port))
  if err then return nil, err end
  local head = ("POST %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n"):format(path, #body)
  err = problem(self:await(socket.write, socket, { head, body }))
  if err then return nil, err end
  local read_err, text, code = self:await(read_all, socket)
  err = problem(read_err, text, code)
  if err then return nil, err end
  local status, answer = text:match "^HTTP/%d%.%d (%d%d%d).-\r\n\r\n(.*)$"
  if not status then return nil, "no answer" end
  return math.tointeger(status), answer
end

return http
