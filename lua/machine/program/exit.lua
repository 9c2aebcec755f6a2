-- Program exit: the exit value for each way in which a program, or the attempt to start one, ends.

local exit = require "luvisor.core.exit"
local units = require "luvisor.core.units"

local program_exit = {}

local MB = 1024 * 1024

-- What waiting will not cure, and what is the machine's state rather than the program's fault. A missing file is
-- neither: a deployment may be under way.
local PERMANENT = {
  EACCES = true, EPERM = true, ENOEXEC = true, EISDIR = true, ENOTDIR = true, ELOOP = true, EINVAL = true,
  E2BIG = true, ENAMETOOLONG = true,
}
local PASSING = { EAGAIN = true, ENOMEM = true, EMFILE = true, ENFILE = true, ETXTBSY = true }

--- Of a program that could not be started.
---@param message string "execve: No such file or directory: NAME"
---@param code string
---@return luvisor.Exit
function program_exit.of_launch(message, code)
  return exit.new {
    kind = "spawn", message = message, errno = code, permanent = PERMANENT[code], passing = PASSING[code],
  }
end

local function is_success(success, code)
  for _, one in ipairs(success) do
    if one == code then return true end
  end
  return false
end

--- Of a program whose leader ended by itself.
---@param success integer[] codes that are no failure
---@param code integer|nil
---@param signal integer|nil
---@param core boolean
---@return luvisor.Exit
function program_exit.of_status(success, code, signal, core)
  if signal then return exit.new { kind = "signal", signal = signal, core = core or nil } end
  if not code then
    return exit.new { kind = "exit", message = "its status is not known: it was adopted, or somebody else took it" }
  end
  return exit.new { kind = is_success(success, code) and "normal" or "exit", code = code }
end

-- Ends that many have in common: nobody changes them.
local shutdowns, kills = {}, {}

--- Of a program that was asked to end.
---@param killed boolean whether it took SIGKILL
---@param code integer|nil
---@param signal integer|nil
---@return luvisor.Exit
function program_exit.of_stop(killed, code, signal)
  local known, key = killed and kills or shutdowns, signal and -signal or code or "unknown"
  local why = known[key]
  if not why then
    why = exit.new { kind = killed and "killed" or "shutdown", code = code, signal = signal }
    known[key] = why
  end
  return why
end

--- Whether an exit is of a program that was asked to end before it did.
---@param why luvisor.Exit
---@return boolean
function program_exit.is_of_stop(why)
  local kind = why.kind
  return kind == "shutdown" or kind == "killed"
end

--- Of a program that was not ready in time.
---@param seconds number
---@param last? string what the last probe said
---@return luvisor.Exit
function program_exit.of_start_timeout(seconds, last)
  local message = last and ("not ready within %s: %s"):format(units.text(seconds), last) or nil
  return exit.new { kind = "timeout", deadline = "start", seconds = seconds, message = message }
end

--- Of a program whose health checks failed. One that never passed any counts as a start that failed.
---@param health luvisor.Health
---@param retries integer
---@return luvisor.Exit
function program_exit.of_health(health, retries)
  local times = retries == 1 and "once" or ("%d times"):format(retries)
  return exit.new {
    kind = "timeout", deadline = "health", unproven = not health.proven or nil,
    message = ("health check failed %s, last: %s"):format(times, health.last),
  }
end

--- Of a program whose hook did not let it start, or go on.
---@param message string
---@return luvisor.Exit
function program_exit.of_hook(message)
  return exit.new { kind = "error", message = message }
end

--- Of a program that did not feed its watchdog. One that never did counts as a start that failed.
---@param seconds number
---@param fed? boolean
---@return luvisor.Exit
function program_exit.of_watchdog(seconds, fed)
  return exit.new { kind = "timeout", deadline = "watchdog", seconds = seconds, unproven = not fed or nil }
end

--- Of a program that held too much memory.
---@param bytes integer
---@param limit integer
---@return luvisor.Exit
function program_exit.of_memory(bytes, limit)
  return exit.new {
    kind = "memory", message = ("holds %.1f MB of at most %.1f MB"):format(bytes / MB, limit / MB),
  }
end

--- Of a program that has run for as long as it may.
---@param seconds number
---@return luvisor.Exit
function program_exit.of_age(seconds)
  return exit.new { kind = "timeout", deadline = "age", seconds = seconds }
end

return program_exit
