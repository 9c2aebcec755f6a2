-- Program listener: a function of the script's that takes what a program prints, line by line. It is called a few lines
-- at a time, in an errand, a worker of its own: one that takes long is cut into slices, and neither the program nor
-- anybody else waits for it.
--
-- What it is behind with is kept up to 1 MiB, and what comes then is dropped and counted. A line for which it does not
-- come back is given up.

local units = require "luvisor.core.units"

local listener = {}

local ROOM = 1024 * 1024          -- bytes that are kept
local LINES, SPELL = 1000, 0.001 -- at a time: so many lines, and no further one after so many seconds
local PATIENCE = 5                -- seconds until such a time is over, whatever happens
local TELL_EVERY = 10             -- seconds between two words about lines that were dropped

local function count_lines(text)
  return select(2, text:gsub("\n", "\n"))
end

local function next_piece(queue)
  local piece = queue[queue.first]
  if not piece then return nil end
  queue[queue.first], queue.first = nil, queue.first + 1
  queue.bytes = queue.bytes - #piece
  return piece
end

local function next_line(queue)
  local line = queue.lines and queue.lines()
  while not line do
    local piece = next_piece(queue)
    if not piece then
      queue.lines = nil
      return nil
    end
    queue.lines = piece:gmatch("([^\n]*)\n")
    line = queue.lines()
  end
  return line
end

-- Only its first failure is told.
local function fail(self, queue, message)
  if queue.failed then return end
  queue.failed = true
  self.env.log("error", self, "%s: %s", queue.name, message)
end

local function hear(self, queue)
  local now = self.env.now
  local enough = now() + SPELL
  for _ = 1, LINES do
    local line = next_line(queue)
    if not line then return end
    local ok, message = xpcall(queue.fn, debug.traceback, line)
    if not ok then fail(self, queue, message) end
    if now() > enough then return end
  end
end

local function tell_dropped(self, queue)
  local now = self.env.now()
  if queue.dropped == 0 or queue.lines and now < queue.tell_at then return end
  self.env.log("warn", self, "%s: %d lines dropped, the function is too slow", queue.name, queue.dropped)
  queue.dropped, queue.tell_at = 0, now + TELL_EVERY
end

local serve

local function go_on(self, queue)
  tell_dropped(self, queue)
  queue.posted = queue.lines ~= nil or queue[queue.first] ~= nil
  if queue.posted then self.env.post(serve, self, queue) end
end

function serve(self, queue)
  local env, cancel = self.env, nil
  local limit = env.deadline(PATIENCE, function()
    cancel()
    fail(self, queue, "no answer within " .. units.text(PATIENCE))
    go_on(self, queue)
  end)
  cancel = env.errand(self, queue.name, function() hear(self, queue) end, nil, function()
    env.cancel(limit)
    go_on(self, queue)
  end)
end

--- A function that takes what is printed, as whole lines.
---@param self table the unit
---@param name "stdout"|"stderr"
---@param fn fun(line: string)
---@return fun(text: string)
function listener.new(self, name, fn)
  local queue = { fn = fn, name = name, first = 1, last = 0, bytes = 0, dropped = 0, tell_at = 0 }
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

return listener
