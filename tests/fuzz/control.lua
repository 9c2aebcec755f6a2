-- SPDX-License-Identifier: Apache-2.0
-- What has to hold of a client's bytes, whatever they are and however they come in pieces: the lines that are served
-- are those of the text, up to the first that is too long; every answer is one line of JSON-RPC; a line that is not
-- whole has its time limit, and nothing else has one; a client that does not read is not read from.

local LONGEST = 200 -- bytes of a line: short, so that the limit is met often
local BEHIND = 1024 * 1024

package.preload["host.account"] = function() return { own = function() return 0 end } end
table.insert(package.searchers, 2, function(name)
  local path = name:match "^luvisor%.(.+)$"
  return path and assert(loadfile("lua/" .. path:gsub("%.", "/") .. ".lua"))
end)

local connection = require "luvisor.edge.control.connection"
local json = require "host.json"
local rpc = require "luvisor.edge.control.rpc"

local any = function(value) return true, value end

local methods = {
  echo = { params = { value = any }, call = function(_, params, reply) reply { value = params.value } end },
  need = { params = { value = any }, required = { "value" }, call = function(_, _, reply) reply(true) end },
  fail = { call = function(_, _, reply) reply(nil, "no", "NOT_FOUND") end },
  raise = { call = function() error "raised" end },
  ["rpc.discover"] = rpc.discover,
}
local context = { methods = methods, log = function() end }

-- ---- a client without a socket

local function new_pipe()
  local pipe = { out = {}, waiting = 0, written = {} }
  function pipe:read_start(fn) self.on_read = fn end
  function pipe:read_stop() self.on_read = nil end
  function pipe:write(text, done)
    self.out[#self.out + 1] = text
    self.waiting = self.waiting + #text * self.weight
    self.written[#self.written + 1] = done
    return true
  end
  function pipe:get_write_queue_size() return self.waiting end
  function pipe.shutdown(_, fn) fn() end
  function pipe:is_closing() return self.closed end
  function pipe:close() self.closed = true end
  -- It reads all that was written.
  function pipe:catch_up()
    self.waiting = 0
    local written = self.written
    self.written = {}
    for _, done in ipairs(written) do done() end
  end
  return pipe
end

local timers = 0
local runtime = {
  after = function()
    timers = timers + 1
    return {}
  end,
  cancel = function() timers = timers - 1 end,
}

local function lines_of(text)
  local list = {}
  for line in text:gmatch "([^\n]*)\n" do
    if #line > LONGEST then break end
    if line:find "%S" then list[#list + 1] = line end
  end
  return list
end

local function check_answers(out)
  for _, line in ipairs(out) do
    assert(line:find "^[^\n]*\n$", line)
    local answer = assert(json.decode(line), line)
    assert(answer.jsonrpc == "2.0" and (answer.result ~= nil) ~= (answer.error ~= nil), line)
  end
end

local function check_served(served, text)
  for i, line in ipairs(lines_of(text)) do
    if served[i] == nil then return i - 1 end
    assert(served[i] == line, line)
  end
  return #served
end

-- The first byte says how large the pieces are, the second whether the client reads.
return function(bytes)
  local step, slow, text = 1 + (bytes:byte(1) or 0) % 64, (bytes:byte(2) or 0) % 4 == 0, bytes:sub(3)
  local served, pipe = {}, new_pipe()
  pipe.weight = slow and BEHIND or 0
  timers = 0
  local client = connection.new(pipe, { runtime = runtime, uid = 0, pid = 0, on_line = function(self, line)
    served[#served + 1] = line
    assert(#line <= LONGEST)
    rpc.serve(context, self, line)
  end })
  client.longest = LONGEST
  local at = 1
  while at <= #text and not client.closed do
    if pipe.on_read then
      pipe.on_read(nil, text:sub(at, at + step - 1))
      at = at + step
    else
      assert(client.paused and slow)
      pipe:catch_up()
    end
    assert(client.closed or timers == ((client.pending > 0 and not client.paused) and 1 or 0), timers)
  end
  while client.paused and not client.closed do pipe:catch_up() end
  assert(check_served(served, text) == #served)
  if not client.closed then assert(#served == #lines_of(text), "a line was lost") end
  check_answers(pipe.out)
end
