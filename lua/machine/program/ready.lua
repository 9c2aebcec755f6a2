-- Program ready: how it is found out that a program that was started is ready.
--
-- after    it has been up for so long
-- notify   it sends READY=1 (see program/notify.lua)
-- fd       it writes a line end to a descriptor that it was started with
-- line     it writes a line that matches
-- probe    somebody outside sees that it is: tried again every 0.1 to 1 s
-- Whatever says so first calls self:now_ready(run), which is deaf in every other state than STARTING. The limit is the
-- unit's start_timeout; why the last probe failed is told when that is missed.

local health = require "luvisor.core.health"
local probe = require "luvisor.machine.probe"

local program_ready = {}

local READY_AFTER = 1 -- seconds

local function by_line(self, run, pattern)
  return function(line)
    if self.run ~= run or run.state ~= "STARTING" then return false end
    if not line:find(pattern) then return true end
    self.env.post(self.now_ready, self, run)
    return false
  end
end

local function by_fd(self, run, options, fd)
  local pipe, message, code = self.env.pipes.open(function(text)
    if text and text:find("\n", 1, true) then return self:now_ready(run) end
    if not text and run.state == "STARTING" then
      self.env.log("warn", self, "closed fd %d without a line end: it will never be ready", fd)
    end
  end)
  if not pipe then return nil, message, code end
  run.ready_pipe = pipe
  options.fds = options.fds or {}
  options.fds[fd] = pipe.write_end
  return true
end

--- Adds to the launch options what the way of the unit needs.
---@return boolean|nil ok
---@return string? message
---@return string? code
function program_ready.prepare(self, run, options)
  local ready = self.spec.ready or {}
  if ready.line then options.on_line = by_line(self, run, ready.line) end
  if ready.fd then return by_fd(self, run, options, ready.fd) end
  return true
end

local try

local function on_tried(self, run, ok, message)
  if self.run ~= run or run.state ~= "STARTING" then return end
  if ok then return self:now_ready(run) end
  run.not_ready = message
  run.ready_timer = self.env.deadline(health.retry_delay(run.attempts), try, self, run)
end

function try(self, run)
  if self.run ~= run or run.state ~= "STARTING" then return end
  run.attempts = (run.attempts or 0) + 1
  run.attempt = probe.begin(self, run, self.spec.ready, function(ok, message) on_tried(self, run, ok, message) end)
end

local function wait_for(self, run, seconds)
  local env = self.env
  if seconds == 0 then return env.post(self.now_ready, self, run) end
  run.ready_timer = env.deadline(seconds, self.now_ready, self, run)
end

--- The program was launched, or was not: begins to look.
---@param launched boolean
function program_ready.begin(self, run, launched)
  local ready = self.spec.ready or { after = READY_AFTER }
  if run.ready_pipe then run.ready_pipe.started() end
  if not launched then return program_ready.cancel(self, run) end
  if ready.probe then return try(self, run) end
  if ready.after then wait_for(self, run, ready.after) end
end

--- Looks no longer.
function program_ready.cancel(self, run)
  self.env.cancel(run.ready_timer)
  probe.cancel(run.attempt)
  if run.ready_pipe then run.ready_pipe.close() end
  run.ready_pipe = nil
end

return program_ready
