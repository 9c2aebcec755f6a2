-- Control: the control socket of a running tree. It lies in a directory that only the owner may enter, is his alone
-- itself, and every client's user is asked of the kernel. Whoever opens it holds the lock of the host's name, so a
-- socket that is there is what a dead host has left behind.

local lazy = require "luvisor.core.lazy"
local account = require "host.account"
local connection = lazy "luvisor.edge.control.connection"
local paths = require "luvisor.edge.paths"
local peer = require "host.peer"
local rpc = lazy "luvisor.edge.control.rpc"
local runtime = require "host.runtime"
local uv = require "luv"

local control = {}

local OWN_ONLY = 384 -- 0600
local BACKLOG = 64
local MOST = 64      -- clients at a time
local LINGER = 1     -- seconds for one that is turned away to read why

local server, path, clients, count -- of the tree that runs in this process

-- What it sends is taken and thrown away for a moment: a client that cannot write does not come to reading why.
local function turn_away(pipe, code, message)
  local function close()
    if not pipe:is_closing() then pipe:close() end
  end
  pipe:write(('{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":"%s"}}\n'):format(code, message))
  pipe:shutdown()
  pipe:read_start(function(err, chunk)
    if err or not chunk then close() end
  end)
  runtime.after(LINGER, close)
end

local function may_enter(uid)
  return uid == 0 or uid == account.own()
end

local function forget(client)
  if clients[client] then count = count - 1 end
  clients[client] = nil
end

local function welcome(context, pipe)
  local uid, pid = peer.of(pipe:fileno())
  if not uid then return pipe:close() end
  if not may_enter(uid) then
    context.log("warn", "control", "user %d (pid %d) may not control this host", uid, pid)
    return turn_away(pipe, rpc.codes.FORBIDDEN, "only the user of the host and root may control it")
  end
  if count >= MOST then
    return turn_away(pipe, rpc.codes.FAILED, ("there are %d clients already"):format(MOST))
  end
  local client = connection.new(pipe, {
    runtime = runtime, uid = uid, pid = pid,
    on_line = function(self, line) rpc.serve(context, self, line) end,
    on_overflow = function(_, bytes)
      context.log("warn", "control", "sent away a client of user %d (pid %d): it leaves %d bytes of answers unread",
        uid, pid, bytes)
    end,
  })
  client.on_close[1] = forget
  clients[client], count = true, count + 1
end

local function on_connection(context, err)
  if err then return context.log("warn", "control", "a client could not be let in: %s", err) end
  local pipe = uv.new_pipe(false)
  if server:accept(pipe) then return welcome(context, pipe) end
  pipe:close()
end

-- Only what an earlier host has left there under the name of a moment.
local function free(where)
  local status = uv.fs_lstat(where)
  return not status or status.type == "socket" and uv.fs_unlink(where)
end

-- Nobody finds it before it listens: it has another name until then, of the same length.
local function bind(place, on_client)
  local where = place.socket
  local is_free, reason, why = paths.check_socket(place)
  if not is_free then return nil, reason, why end
  local pipe, before = uv.new_pipe(false), where:sub(1, -2) .. (where:sub(-1) == "~" and "-" or "~")
  local ok, message, code = free(before), before .. ": it is in the way", "EEXIST"
  if ok then ok, message, code = pipe:bind(before) end
  if ok then ok, message, code = uv.fs_chmod(before, OWN_ONLY) end
  if ok then ok, message, code = pipe:listen(BACKLOG, on_client) end
  if ok then ok, message, code = uv.fs_rename(before, where) end
  if ok then return pipe end
  pipe:close()
  return nil, ("%s: %s"):format(where, message), code
end

--- Opens the socket; the caller holds the lock that belongs to it.
---@param place luvisor.Paths
---@param context { tree: table, log: function, methods: table }
---@return boolean|nil ok
---@return string? message
---@return string? code
function control.open(place, context)
  local message, code
  clients, count, path = {}, 0, place.socket
  server, message, code = bind(place, function(err) on_connection(context, err) end)
  return server and true, message, code
end

--- Removes the socket: nobody comes in any more.
function control.close()
  if not server then return end
  if not server:is_closing() then server:close() end
  server = nil
  uv.fs_unlink(path)
end

--- Says goodbye to all clients. Some of them wait for just that to start another host.
function control.say_goodbye()
  for client in pairs(clients or {}) do client:close(true) end
end

return control
