-- Daemon: `luvisor run --daemon`. The command starts the host as a process and session of its own and waits until that
-- says that its tree is up, or ends; then it ends itself, with 0, or with the code of the host.
--
-- The host has the caller's stdout and stderr while it loads its script, so that what is wrong with that is seen.
-- Before it starts anything they become its log file: no program of it ever holds what belongs to the caller. From then
-- on, and until the tree is up, its errors reach the caller through a pipe, which is all that the two of them share.

local native = require "host.daemon"
local paths = require "luvisor.edge.paths"
local system = require "host.system"
local uv = require "luv"

local daemon = {}

local FAILED = 1
local MARK = "LUVISOR_DAEMON" -- in the environment of the host: the pid of the command
local PIPE = 3                -- the host's end of the pipe
local MOST = 20               -- errors passed on: the pipe has room for them, whether it is read or not
local LONGEST = 2000          -- bytes of one

-- ---- the command

local function environment()
  local list = {}
  for name, value in pairs(system.environment()) do list[#list + 1] = name .. "=" .. value end
  list[#list + 1] = ("%s=%d"):format(MARK, system.pid())
  return list
end

local function say(text)
  system.put(2, "luvisor: " .. text .. "\n")
end

local function take_line(line)
  local kind, text = line:match "^(%S+) ?(.*)$"
  if text ~= "" then say(text) end
  if kind == "up" then system.quit(0) end
end

-- Calls take_line for each line, and at_end when the host has closed its end.
local function read_lines(pipe, at_end)
  local rest = ""
  pipe:read_start(function(err, chunk)
    if err or not chunk then
      pipe:close()
      return at_end()
    end
    rest = rest .. chunk
    for line in rest:gmatch "([^\n]*)\n" do take_line(line) end
    rest = rest:match "[^\n]*$"
  end)
end

local function code_of(code, signal)
  if signal == 0 then return code end
  say(("the host was ended by signal %d before its tree was up"):format(signal))
  return FAILED
end

local function pass_on(signal, handle)
  local listener = uv.new_signal()
  listener:start(signal, function() handle:kill "sigterm" end)
end

--- Starts the host that the command line describes, and waits for it.
---@param arguments string[] the whole command line
---@return integer|nil code nil while it waits
function daemon.launch(arguments)
  local pipe, left, ended = uv.new_pipe(false), 2, nil
  local function finish()
    left = left - 1
    if left == 0 then system.quit(code_of(ended[1], ended[2])) end
  end
  local handle, message = uv.spawn(uv.exepath(), {
    args = table.move(arguments, 1, #arguments, 1, {}), env = environment(), stdio = { 0, 1, 2, pipe }, detached = true,
  }, function(code, signal)
    ended = { code, signal }
    finish()
  end)
  if not handle then
    say("cannot start the host: " .. message)
    return FAILED
  end
  read_lines(pipe, finish)
  pass_on("sigint", handle)
  pass_on("sigterm", handle)
  return nil
end

-- ---- the host

local pipe_open, passed_on, log_path = false, 0, nil

--- Whether this process is the host that the command has started; to be asked once, first of all.
function daemon.is_host()
  local parent = os.getenv(MARK)
  uv.os_unsetenv(MARK)
  pipe_open = parent == ("%d"):format(uv.os_getppid()) and native.keep(PIPE)
  return pipe_open
end

local function pass(kind, text)
  if not pipe_open then return end
  uv.fs_write(PIPE, ("%s %s\n"):format(kind, text:sub(1, LONGEST):gsub("\n", " | ")))
end

--- Tells the command what goes wrong when only the log file would hear of it.
---@param message string
function daemon.tell(message)
  if log_path then pass("error", message) end
end

--- Gives up what belongs to the caller: from here on everything is written to the log file.
---@param path string
---@return true|nil ok
---@return string? message
function daemon.detach(path)
  local ok, message = paths.make(path:match "^(.*)/[^/]*$")
  if ok then ok, message = native.streams(path) end
  if not ok then return nil, ("%s: %s"):format(path, message) end
  log_path = path
  return true
end

--- A log whose errors the command shows, too, until the tree is up.
---@param write function
---@return function
function daemon.relay(write)
  return function(level, unit, format, ...)
    if pipe_open and level == "error" and passed_on < MOST then
      passed_on = passed_on + 1
      local name = type(unit) == "string" and unit or unit:path()
      pass("error", ("%s: %s"):format(name, select("#", ...) > 0 and format:format(...) or format))
    end
    return write(level, unit, format, ...)
  end
end

--- The tree is up: the command may end.
---@param note string what is wrong nevertheless, or ""
function daemon.up(note)
  pass("up", note)
  if pipe_open then uv.fs_close(PIPE) end
  pipe_open = false
end

--- Opens the log file again, for whoever has moved it; true if there is one.
---@return boolean
function daemon.reopen()
  return log_path ~= nil and native.streams(log_path) == true
end

return daemon
