-- Program output: what becomes of what a program prints: how it looks, the functions that take it line by line, and
-- its last words when it does not start.
--
-- A function is called from the loop, a few lines at a time; the program never waits for it. What it is behind with is
-- kept up to 1 MiB, and what comes then is dropped and counted.

local program_output = {}

local ROOM = 1024 * 1024 -- bytes kept for a function
local AT_A_TIME = 100    -- lines
local SHOWN, SHOWN_BYTES = 10, 4096

-- ---- a function of each line

local function count_lines(text)
  return select(2, text:gsub("\n", "\n"))
end

local function call(self, queue, line)
  local ok, message = xpcall(queue.fn, debug.traceback, line)
  if ok then return end
  queue.failed = queue.failed + 1
  if queue.failed == 1 then self.env.log("error", self, "%s: %s", queue.name, message) end
end

local function next_piece(queue)
  local piece = queue[queue.first]
  if not piece then return nil end
  queue[queue.first], queue.first = nil, queue.first + 1
  queue.bytes = queue.bytes - #piece
  return piece
end

local function tell_dropped(self, queue)
  if queue.dropped == 0 then return end
  self.env.log("warn", self, "%s: %d lines dropped, the function is too slow", queue.name, queue.dropped)
  queue.dropped = 0
end

local function serve(self, queue)
  for _ = 1, AT_A_TIME do
    local line = queue.lines and queue.lines()
    while not line do
      local piece = next_piece(queue)
      if not piece then
        queue.lines, queue.posted = nil, false
        return tell_dropped(self, queue)
      end
      queue.lines = piece:gmatch("([^\n]*)\n")
      line = queue.lines()
    end
    call(self, queue, line)
  end
  self.env.post(serve, self, queue)
end

local function listener(self, name, fn)
  local queue = { fn = fn, name = name, first = 1, last = 0, bytes = 0, dropped = 0, failed = 0 }
  return function(text)
    if queue.bytes + #text > ROOM then
      queue.dropped = queue.dropped + count_lines(text)
      return
    end
    queue.last = queue.last + 1
    queue[queue.last], queue.bytes = text, queue.bytes + #text
    if queue.posted then return end
    queue.posted = true
    self.env.post(serve, self, queue)
  end
end

-- ---- a stream

--- What host.process is to do with a stream.
---@param self table
---@param name "stdout"|"stderr"
---@return string|table|function
function program_output.stream(self, name)
  local target = self.spec[name]
  if type(target) == "function" then return listener(self, name, target) end
  if type(target) ~= "table" then return target end
  local ready = self.spec.ready
  return {
    file = target.file, max_size = target.max_size, keep = target.keep, timestamp = target.timestamp,
    prefix = target.prefix == true and tostring(self.name) .. " | " or target.prefix,
    json = target.json and tostring(self.name) or nil, lines = target.shared or ready and ready.line and true or nil,
  }
end

-- ---- the last words

--- Puts the last lines of a program that did not start into the log.
---@param self table
---@param child host.process.Child
function program_output.show(self, child)
  local name = self.spec.stderr == "stdout" and "stdout" or "stderr"
  local text, lines = child:tail(SHOWN_BYTES, name), {}
  for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
  for i = math.max(1, #lines - SHOWN + 1), #lines do
    self.env.log("warn", self, "%s: %s", name, lines[i])
  end
end

return program_output
