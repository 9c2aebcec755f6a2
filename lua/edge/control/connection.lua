-- Connection: one client of the control socket, as lines in and lines out.
--
-- A line is a message, 1 MiB at most, and has to be whole within 5 s of its first byte. What the client does not read
-- is kept up to a bound: beyond it no more of its requests are read until it has caught up, long work for it rests, and
-- notifications are dropped, counted, and told about when there is room again. The answers that come all the same have
-- a bound, too: whoever lets more of them lie is sent away. Nobody waits for anybody.

local json = require "host.json"

local connection = {}

connection.LONGEST = 1024 * 1024 -- bytes of a line
connection.PATIENCE = 5          -- seconds within a line
local BEHIND = 1024 * 1024       -- bytes not yet read by the client: drop notifications, read no requests
local CAUGHT_UP = BEHIND // 2
local MOST = 16 * 1024 * 1024    -- bytes of answers not yet read, besides one as large as any so far
connection.SUBSCRIPTIONS = 16

---@class luvisor.Connection
---@field uid integer      of the client
---@field pid integer
---@field on_close function[]
local Connection = { __name = "luvisor.connection" }
Connection.__index = Connection

-- ---- out

local read_on

local function release(self)
  local fn = self.held
  self.held = nil
  if fn then fn() end
end

local function tell_dropped(self)
  local count = self.dropped
  self.lags, self.dropped = false, 0
  self:send { method = "dropped", params = { count = count } }
end

local function on_written(self, err)
  if self.closed then return end
  if err then return self:close() end
  if self.pipe:get_write_queue_size() > CAUGHT_UP then return end
  if self.dropped > 0 then tell_dropped(self) end
  release(self)
  if self.paused then read_on(self) end
end

local function send_away(self, waiting)
  if self.on_overflow then self:on_overflow(waiting) end
  self:close()
end

--- Whether the client has not read for so long that it gets nothing but answers.
function Connection:is_behind()
  return self.pipe:get_write_queue_size() > BEHIND
end

--- Whether fn() is to be waited for, which is called when the client has caught up or is gone.
---@param fn function
---@return boolean
function Connection:hold(fn)
  if self.closed or not self:is_behind() then return false end
  self.held = fn
  return true
end

--- Sends a line that is JSON already; of a long one the pieces in the middle are not joined first.
---@param text string
---@param pieces? string[]
---@param rest? string
function Connection:put(text, pieces, rest)
  if self.closed then return end
  local waiting = self.pipe:get_write_queue_size()
  if waiting > MOST + self.largest then return send_away(self, waiting) end
  local line = pieces and table.move(pieces, 1, #pieces, 2, { text }) or { text }
  line[#line + 1] = (rest or "") .. "\n"
  local ok = self.pipe:write(line, function(err) on_written(self, err) end)
  if not ok then return self:close() end
  self.largest = math.max(self.largest, self.pipe:get_write_queue_size() - waiting)
end

--- Sends a message.
function Connection:send(message)
  message.jsonrpc = "2.0"
  self:put(assert(json.encode(message)))
end

--- Sends a notification, or counts it as dropped when the client is behind; whether it was sent.
---@return boolean
function Connection:notify(method, params)
  if self.closed then return false end
  local waiting = self.pipe:get_write_queue_size()
  self.lags = waiting > BEHIND or self.lags and waiting > CAUGHT_UP
  if self.lags then
    self.dropped = self.dropped + 1
    return false
  end
  if self.dropped > 0 then tell_dropped(self) end
  self:send { method = method, params = params }
  return true
end

--- Begins to tell the client of something; `begin` returns what ends that, which is called with the connection's end.
---@param begin fun(): function
---@return boolean|nil ok
---@return string? message
---@return string? code
function Connection:subscribe(begin)
  if self.subscriptions >= connection.SUBSCRIPTIONS then
    local message = "a connection has at most %d subscriptions; open another one"
    return nil, message:format(connection.SUBSCRIPTIONS), "LIMIT"
  end
  self.subscriptions = self.subscriptions + 1
  self.on_close[#self.on_close + 1] = begin()
  return true
end

-- ---- in

local function refuse(self, code, message)
  self:send { id = json.null, error = { code = code, message = message } }
  self:close(true)
end

local function wait_for_rest(self)
  if self.limit then return end
  self.limit = self.runtime.after(self.patience, function()
    refuse(self, -32600, ("a line has to be whole within %g s"):format(self.patience))
  end)
end

local function line_done(self)
  if self.limit then self.runtime.cancel(self.limit) end
  self.limit = nil
end

-- Serves the whole lines of what has come, unless the client has to catch up first.
local function serve(self)
  while not self.closed and not self.paused do
    local stop = self.text:find("\n", self.at, true)
    if not stop then break end
    local line = self.text:sub(self.at, stop - 1)
    self.at = stop + 1
    if #line > self.longest then return refuse(self, -32600, ("a line has at most %d bytes"):format(self.longest)) end
    if line:find "%S" then self.on_line(self, line) end
    if not self.closed and self:is_behind() then
      self.paused = true
      self.pipe:read_stop()
    end
  end
end

-- The rest of a line that is not whole yet is kept as pieces: joining them each time would take ever longer.
local function keep_rest(self)
  local rest = self.text:sub(self.at)
  self.text, self.at = "", 1
  self.pieces, self.pending = rest ~= "" and { rest } or {}, #rest
  if #rest > 0 then wait_for_rest(self) end
end

local function work(self)
  serve(self)
  if self.closed or self.paused then return end
  keep_rest(self)
  if self.pending > self.longest then refuse(self, -32600, ("a line has at most %d bytes"):format(self.longest)) end
end

local function take(self, chunk)
  if not chunk:find("\n", 1, true) then
    self.pieces[#self.pieces + 1], self.pending = chunk, self.pending + #chunk
    if self.pending > self.longest then
      return refuse(self, -32600, ("a line has at most %d bytes"):format(self.longest))
    end
    return wait_for_rest(self)
  end
  line_done(self)
  self.pieces[#self.pieces + 1] = chunk
  self.text, self.at, self.pieces, self.pending = table.concat(self.pieces), 1, {}, 0
  work(self)
end

local function listen(self)
  self.pipe:read_start(function(err, chunk)
    if self.closed then return end
    if err or not chunk then return self:close() end
    take(self, chunk)
  end)
end

function read_on(self)
  self.paused = false
  work(self)
  if not self.closed and not self.paused then listen(self) end
end

-- ---- life

--- Ends the connection; with `politely`, after what was said last had a moment to get out.
---@param politely? boolean
function Connection:close(politely)
  if self.closed then return end
  self.closed = true
  line_done(self)
  for _, fn in ipairs(self.on_close) do fn(self) end
  release(self)
  local pipe = self.pipe
  local function close()
    if not pipe:is_closing() then pipe:close() end
  end
  if not politely then return close() end
  pipe:read_stop()
  pipe:shutdown(close)
  self.runtime.after(1, close)
end

--- A connection over an accepted pipe.
---@param pipe userdata
---@param options { runtime: table, on_line: fun(self: luvisor.Connection, line: string), uid: integer, pid: integer,
---on_overflow?: fun(self: luvisor.Connection, bytes: integer) }
---@return luvisor.Connection
function connection.new(pipe, options)
  local self = setmetatable({
    pipe = pipe, runtime = options.runtime, on_line = options.on_line, uid = options.uid, pid = options.pid,
    on_overflow = options.on_overflow, largest = 0,
    on_close = {}, pieces = {}, pending = 0, dropped = 0, subscriptions = 0, text = "", at = 1,
    longest = connection.LONGEST, patience = connection.PATIENCE,
  }, Connection)
  listen(self)
  return self
end

return connection
