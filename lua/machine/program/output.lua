-- Program output: what becomes of what a program prints: how it looks, the files, which are open before it is launched,
-- and its last words when it does not start.

local lazy = require "luvisor.core.lazy"
local listener = lazy "luvisor.machine.program.listener"

local program_output = {}

local SHOWN, SHOWN_BYTES = 10, 4096

-- ---- a stream

--- What host.process is to do with a stream.
---@param self table
---@param name "stdout"|"stderr"
---@return string|table|function
function program_output.stream(self, name)
  local target = self.spec[name]
  if type(target) == "function" then return listener.new(self, name, target) end
  if type(target) ~= "table" then return target end
  local ready = self.spec.ready
  local syslog = target.syslog
  return {
    file = target.file, max_size = target.max_size, keep = target.keep, gzip = target.gzip,
    max_age_ms = target.max_age and target.max_age * 1000 // 1 | 0,
    syslog = syslog and { path = syslog.path, ident = syslog.ident or tostring(self.name), priority = syslog.priority },
    timestamp = target.timestamp,
    prefix = target.prefix == true and tostring(self.name) .. " | " or target.prefix,
    json = target.json and tostring(self.name) or nil, lines = target.shared or ready and ready.line and true or nil,
  }
end

-- ---- files

local function files_of(self)
  local files = {}
  for _, name in ipairs { "stdout", "stderr" } do
    local target = self.spec[name]
    if type(target) == "table" and target.file then files[#files + 1] = program_output.stream(self, name) end
  end
  return files
end

-- One after the other; the open ones in `opened`.
local function open_next(self, files, opened, done)
  local file = files[#opened + 1]
  if not file then return done(opened) end
  local function answer(log, message, code)
    if log then
      opened[#opened + 1] = log
      return open_next(self, files, opened, done)
    end
    program_output.let_go(opened)
    done(nil, ("%s: %s"):format(message, file.file), code)
  end
  local ok, message, code = self.env.process.open_log(file, answer)
  if not ok then answer(nil, message, code) end
end

--- Opens the files of a program, away from the loop: done(opened) or done(nil, message, CODE), at once where there are
--- none. They stay open until they are let go of and the program is gone.
---@param self table
---@param done fun(opened: table[]|nil, message: string|nil, code: string|nil)
function program_output.open(self, done)
  open_next(self, files_of(self), {}, done)
end

--- Lets go of what was opened; nil is fine.
---@param opened table[]|nil
function program_output.let_go(opened)
  for _, log in ipairs(opened or {}) do log:close() end
end

--- Has the file of a stream rotated as the spec says now.
---@param self table
---@param name "stdout"|"stderr"
function program_output.limit(self, name)
  self.env.process.limit_log(program_output.stream(self, name))
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
