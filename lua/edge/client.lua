-- Client: the side of a command that talks to a running host: finds its socket, makes sure that it is the user's own or
-- root's, sends requests, and gives up in time. Ends the process through host.system.quit, with the exit codes below.

local account = require "host.account"
local connection = require "luvisor.edge.control.connection"
local json = require "host.json"
local paths = require "luvisor.edge.paths"
local peer = require "host.peer"
local runtime = require "host.runtime"
local system = require "host.system"
local uv = require "luv"

local client = {}

local quitting = false

client.codes = { DONE = 0, FAILED = 1, USAGE = 2, NOT_RUNNING = 3, NO_HOST = 4, TIMED_OUT = 5 }
local codes = client.codes

local PATIENCE = 10  -- seconds for an answer, where a command has no limit of its own
local INVALID_PARAMS, NO_METHOD = -32602, -32601
local GRACE = 1      -- more than the host was told, for the way there and back

---@class luvisor.Client
local Client = { __name = "luvisor.client" }
Client.__index = Client

-- A command may wait for whoever reads what it prints, and is over when nobody does any more.
local function print_to(fd, text)
  while text ~= "" do
    local count, _, code = uv.fs_write(fd, text, -1)
    if not count then return code ~= "EPIPE" and system.put(fd, text) or client.quit(codes.DONE) end
    text = text:sub(count + 1)
  end
end

--- Prints text on stdout, or on stderr.
---@param text string
---@param fd? 1|2
function client.print(text, fd)
  print_to(fd or 1, text)
end

--- Says what is wrong.
---@param message? string
function client.complain(message)
  if message then client.print("luvisor: " .. message .. "\n", 2) end
end

-- What could not be written was not said.
local function once_written(message)
  local ok, problem, code = system.flush()
  if ok or code == "EPIPE" then return codes.DONE, message end
  return codes.FAILED, "stdout: " .. problem
end

--- Says what is wrong with the way that a command was called.
---@param message string
---@return integer code that the command ends with
function client.misused(message)
  client.complain(message)
  return codes.USAGE
end

--- Ends the command, once, with a message on stderr if there is one.
---@param code integer
---@param message? string
function client.quit(code, message)
  if quitting then return end
  quitting = true
  if code == codes.DONE then code, message = once_written(message) end
  client.complain(message)
  system.quit(code)
end

--- Ends the command after so many seconds, if nothing else has.
function client.quit_after(seconds, code, message)
  runtime.after(seconds, function() client.quit(code, message) end)
end

-- ---- answers

local function on_answer(self, message)
  local waiting = self.waiting[message.id]
  if not waiting then
    if message.error and message.id == json.null then client.quit(codes.FAILED, message.error.message) end
    return
  end
  self.waiting[message.id] = nil
  runtime.cancel(waiting.limit)
  if message.error then
    local data = message.error.data
    return waiting.fn(nil, message.error.message, type(data) == "table" and data.code or message.error.code)
  end
  waiting.fn(message.result)
end

local function on_line(self, line)
  local message = json.decode(line)
  if type(message) ~= "table" then return client.quit(codes.FAILED, "the host sent what is no message") end
  if message.method then
    local fn = self.listeners[message.method]
    return fn and fn(message.params)
  end
  on_answer(self, message)
end

--- Calls a method: fn(result) or fn(nil, message, CODE); ends the command when no answer comes in time.
---@param method string
---@param params table
---@param fn fun(result: any, message?: string, code?: string)
---@param seconds? number how long the host has for it
function Client:call(method, params, fn, seconds)
  self.last_id = self.last_id + 1
  local id = self.last_id
  params.timeout = seconds
  local limit = runtime.after(seconds and seconds + GRACE or PATIENCE, function()
    client.quit(codes.TIMED_OUT, "the host does not answer")
  end)
  self.waiting[id] = { fn = fn, limit = limit }
  self.connection:send { id = id, method = method, params = params }
end

-- The parameter that the host does not know.
local function unknown_parameter(message, code)
  return code == INVALID_PARAMS and message:match "^([%w_]+): unknown parameter$" or nil
end

local function fail(method, message, code)
  if code == NO_METHOD or unknown_parameter(message, code) then
    local text = "%s: %s: the host is of another version of luvisor, which does not know that"
    return client.quit(codes.FAILED, text:format(method, message))
  end
  client.quit(code == INVALID_PARAMS and codes.USAGE or codes.FAILED, message)
end

--- The same for commands that have nothing to do with a failure but to say it, and end with 1, or 2 when it is theirs.
--- Of the parameters, those in `spare` are left away for a host that is too old to know them.
function Client:ask(method, params, fn, seconds, spare)
  self:call(method, params, function(result, message, code)
    if result ~= nil then return fn(result) end
    local name = unknown_parameter(message, code)
    if not (name and spare and spare[name] and params[name] ~= nil) then return fail(method, message, code) end
    params[name] = nil
    self:ask(method, params, fn, seconds, spare)
  end, seconds)
end

--- Has fn(params) called for each notification of that name.
function Client:on(method, fn)
  self.listeners[method] = fn
end

-- ---- connecting

local function is_running(pid_file)
  local file = io.open(pid_file)
  local pid = file and file:read "n"
  if file then file:close() end
  return pid and uv.kill(pid, 0) == 0
end

-- Hosts of other names in the same place.
local function others(place)
  local found = {}
  local entries = not place.given and uv.fs_scandir(place.directory) or nil
  for file in function() return entries and uv.fs_scandir_next(entries) end do
    local name = file:match "^(.*)%.pid$"
    if name and is_running(place.directory .. "/" .. file) then found[#found + 1] = "--name " .. name end
  end
  table.sort(found)
  return found[1] and "; there is " .. table.concat(found, ", ") or ""
end

local function describe_absence(place, code)
  if code == "EACCES" then return ("%s: only its owner may use it"):format(place.socket) end
  return ("no host is running here (%s)%s"):format(place.socket, others(place))
end

local function is_trusted(pipe, place)
  local uid = peer.of(pipe:fileno())
  if uid == 0 or uid == account.own() then return true end
  return nil, ("%s: belongs to a process of user %s, and is not trusted"):format(place.socket, tostring(uid))
end

local function on_lost(self)
  if self.leaving then return self.leaving() end
  client.quit(codes.NO_HOST, "the host is gone")
end

local function talk(self, pipe, fn)
  self.connection = connection.new(pipe, {
    runtime = runtime, on_line = function(_, line) on_line(self, line) end,
  })
  self.connection.longest, self.connection.patience = math.huge, 3600
  self.connection.on_close[1] = function() on_lost(self) end
  fn(self)
end

--- Connects to the host that the options name and calls fn(client); ends the command with 4 when there is none.
---@param options { name?: string, socket?: string }
---@param fn fun(self: luvisor.Client)
---@param absent? fun(place: luvisor.Paths) called in place of ending, where no host runs
---@return integer|nil code nil while it runs
function client.connect(options, fn, absent)
  local place, message, code = paths.of(options, system.environment())
  if not place then
    client.complain(message)
    return code == "EINVAL" and codes.USAGE or codes.NO_HOST
  end
  local self = setmetatable({ last_id = 0, waiting = {}, listeners = {}, place = place }, Client)
  local pipe = uv.new_pipe(false)
  pipe:connect(place.socket, function(err)
    if err and absent then return absent(place) end
    if err then return client.quit(codes.NO_HOST, describe_absence(place, err:match "^%u+")) end
    local trusted, problem = is_trusted(pipe, place)
    if not trusted then return client.quit(codes.FAILED, problem) end
    talk(self, pipe, fn)
  end)
  return nil
end

return client
