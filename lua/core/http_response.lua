-- HTTP response: reads one response of HTTP/1.0 or 1.1 from the bytes of a connection, strictly: what is not exactly a
-- response is an error, and so is one that is cut short. Head and body are limited.

local http_response = {}

local HEAD, BODY = 16 * 1024, 1024 * 1024

---@class luvisor.HttpResponse
---@field status? integer
---@field headers table<string, string> by name in lower case; several of one name joined by ", "
---@field body string
local Response = {}
Response.__index = Response

--- A response of which nothing has arrived.
---@return luvisor.HttpResponse
function http_response.new()
  return setmetatable({ rest = "", headers = {}, parts = {}, size = 0, body = "" }, Response)
end

local function bad(text)
  return nil, text, "EPROTO"
end

local function read_header(self, line)
  local name, value = line:match("^([%w!#$%%&'*+.^_`|~-]+):[ \t]*(.-)[ \t]*$")
  if not name then return bad "malformed header" end
  name = name:lower()
  local before = self.headers[name]
  if name == "content-length" and before and before ~= value then return bad "two lengths" end
  self.headers[name] = before and name ~= "content-length" and before .. ", " .. value or value
  return true
end

local function read_head(self, head)
  local status_line, rest = head:match("^(.-)\r?\n(.*)$")
  local status = status_line:match("^HTTP/1%.[01] (%d%d%d)$") or status_line:match("^HTTP/1%.[01] (%d%d%d) ")
  if not status then return bad "not an HTTP response" end
  self.status = math.tointeger(tonumber(status))
  for line in rest:gmatch("(.-)\r?\n") do
    local ok, message, code = read_header(self, line)
    if not ok then return nil, message, code end
  end
  return true
end

local function choose_framing(self)
  local encoding, length = self.headers["transfer-encoding"], self.headers["content-length"]
  if self.status == 204 or self.status == 304 then
    self.wanted = 0
  elseif encoding then
    if encoding:lower() ~= "chunked" or length then return bad "unknown framing" end
    self.chunked = true
  elseif length then
    if not length:find("^%d+$") or #length > 12 then return bad "malformed length" end
    self.wanted = math.tointeger(tonumber(length))
    if self.wanted > BODY then return bad "body too long" end
  end
  return true
end

local function take(self, count)
  self.parts[#self.parts + 1] = self.rest:sub(1, count)
  self.size = self.size + math.min(count, #self.rest)
  self.rest = self.rest:sub(count + 1)
  if self.size > BODY then return bad "body too long" end
  return true
end

local function finish(self)
  self.body, self.done = table.concat(self.parts), true
  return "done"
end

-- Trailers are of no interest, but have to be there.
local function read_trailer(self)
  local line, rest = self.rest:match("^(.-)\r?\n(.*)$")
  if not line then return "more" end
  self.rest = rest
  if line == "" then return finish(self) end
  return read_trailer(self)
end

local function begin_chunk(self)
  local line, rest = self.rest:match("^([^\n]-)\r?\n(.*)$")
  if not line then
    if #self.rest > 256 then return bad "malformed chunk" end
    return "more"
  end
  local digits = line:match("^(%x+)%s*$") or line:match("^(%x+)%s*;")
  if not digits or #digits > 8 then return bad "malformed chunk" end
  self.rest, self.chunk = rest, tonumber(digits, 16)
  self.last = self.chunk == 0
  return true
end

local function read_chunks(self)
  while true do
    if self.last then return read_trailer(self) end
    if not self.chunk then
      local begun, message, code = begin_chunk(self)
      if begun ~= true then return begun, message, code end
    else
      if self.size + self.chunk > BODY then return bad "body too long" end
      if #self.rest < self.chunk + 2 then return "more" end
      local ok, message, code = take(self, self.chunk)
      if not ok then return nil, message, code end
      if self.rest:sub(1, 2) ~= "\r\n" then return bad "malformed chunk" end
      self.rest, self.chunk = self.rest:sub(3), nil
    end
  end
end

local function read_body(self)
  if self.chunked then return read_chunks(self) end
  local ok, message, code = take(self, self.wanted and self.wanted - self.size or #self.rest)
  if not ok then return nil, message, code end
  if self.wanted and self.size == self.wanted then return finish(self) end
  return "more"
end

local function split_head(self)
  local _, last = self.rest:find("\r?\n\r?\n")
  if (last or #self.rest) > HEAD then return bad "head too long" end
  if not last then return "more" end
  local head = self.rest:sub(1, last):gsub("\r?\n$", "")
  self.rest = self.rest:sub(last + 1)
  local ok, message, code = read_head(self, head)
  if ok and self.status < 200 then -- an interim one: the real one follows
    self.status, self.headers = nil, {}
    return split_head(self)
  end
  if ok then ok, message, code = choose_framing(self) end
  return ok, message, code
end

--- Takes what has arrived.
---@param bytes string
---@return "more"|"done"|nil state
---@return string? message
---@return string? code
function Response:feed(bytes)
  if self.done then return "done" end
  self.rest = self.rest .. bytes
  if not self.status then
    local ok, message, code = split_head(self)
    if ok ~= true then return ok, message, code end
  end
  return read_body(self)
end

--- The connection has ended.
---@return "done"|nil state
---@return string? message
---@return string? code
function Response:finish()
  if self.done then return "done" end
  if not self.status or self.chunked or self.wanted then return bad "connection closed early" end
  return finish(self)
end

local function has_status(wanted, status)
  if not wanted then return status >= 200 and status < 300 end
  for _, one in ipairs(wanted) do
    if one == status then return true end
  end
  return false
end

--- Whether a whole response is what a probe wants: true, or nil and what is wrong.
---@param probe { status?: integer[], header?: table<string, string>, body?: string }
---@return true|nil ok
---@return string? message
function Response:satisfies(probe)
  if not has_status(probe.status, self.status) then return nil, "status " .. self.status end
  for name, pattern in pairs(probe.header or {}) do
    local value = self.headers[name:lower()]
    if not value then return nil, "no header " .. name end
    if not value:find(pattern) then return nil, ('header %s is "%s"'):format(name, value:sub(1, 80)) end
  end
  if probe.body and not self.body:find(probe.body) then return nil, "the body does not match" end
  return true
end

return http_response
