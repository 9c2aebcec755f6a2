-- Exec probe: a command that ends with 0. It runs as its program does (user, directory, environment, limits), in a
-- group of its own, with the program's pid as MAINPID; nobody of that group outlives the probe. It answers when all are
-- gone.

local process = require "host.process"
local program_exit = require "luvisor.machine.program.exit"

local probe_exec = {}

-- What is between the host and the program alone.
local OWN = { "^NOTIFY_SOCKET=", "^WATCHDOG_USEC=", "^MAINPID=", "^LISTEN_" }

local function is_own(item)
  for _, pattern in ipairs(OWN) do
    if item:find(pattern) then return true end
  end
  return false
end

local function options_of(program, command, pid)
  local options = {}
  for key, value in pairs(program) do options[key] = value end
  options.command, options.stdin, options.stdout, options.stderr = command, "null", "null", "null"
  options.fds, options.on_line, options.marked, options.listen_pid, options.env = nil, nil, nil, nil, {}
  for _, item in ipairs(program.env) do
    if not is_own(item) then table.insert(options.env, item) end
  end
  if pid then table.insert(options.env, "MAINPID=" .. pid) end
  return options
end

--- Begins; done(ok, message) may be called before this returns.
---@param unit table the program
---@param options fun(): table those that the program was launched with
---@param probe table
---@param done fun(ok: boolean, message: string|nil)
---@return function cancel kills the whole group
function probe_exec.start(unit, options, probe, done)
  local own, child = options_of(options(), probe.command, unit.run and unit.run.pid), nil
  local function on_exit(code, signal, core)
    local why = program_exit.of_status({ 0 }, code, signal, core)
    child:signal_group("KILL")
    child:on_empty(function()
      child:close()
      child = nil
      done(why.kind == "normal", tostring(why))
    end)
  end
  own.on_exit = on_exit
  local launched, message = process.spawn(own)
  child = launched
  if not child then done(false, message) end
  return function()
    if child then child:signal_group("KILL") end
  end
end

return probe_exec
