-- Instance: there is one host of a name. It holds the lock of that name from before it loads its script until nothing
-- of its tree is left; whoever holds it may remove what an earlier one has left behind, and nobody else may.

local daemon = require "host.daemon"
local paths = require "luvisor.edge.paths"
local system = require "host.system"
local uv = require "luv"

local instance = {}

local FAILED, TAKEN = 1, 3 -- exit codes of `run`
local OWN_FILE = 384       -- 0600

local held, lock -- the paths whose lock this process has, and its descriptor

local function taken_message(found, holder)
  local who = holder and holder > 0 and ("pid %d"):format(holder) or "pid unknown"
  local what = found.given and "that socket" or ('the name "%s"'):format(found.name)
  local hint = found.given and "" or "; --name gives this one another"
  return ("another host has %s (%s, lock %s)%s"):format(what, who, found.lock, hint)
end

local function take(found)
  local ok, problem = paths.secure(found)
  if not ok then return nil, problem, FAILED end
  local fd, message, code, holder = daemon.lock(found.lock)
  lock = fd
  if fd then return true end
  if code == "EBUSY" then return nil, taken_message(found, holder), TAKEN end
  return nil, ("%s: %s"):format(found.lock, message), FAILED
end

-- Made anew: what is there under that name may be a link that somebody else has put there.
local function write_pid(found)
  uv.fs_unlink(found.pid)
  local fd, message = uv.fs_open(found.pid, "wx", OWN_FILE)
  if not fd then return nil, message, FAILED end
  local text = ("%d\n"):format(system.pid())
  local written, reason = uv.fs_write(fd, text)
  uv.fs_close(fd)
  if written == #text then return true end
  return nil, ("%s: %s"):format(found.pid, reason or "no space left"), FAILED
end

-- Somebody who asked for nothing gets a host without a name rather than none.
local function asked_for(options)
  return options.name or options.socket or options.daemon
end

--- Takes the name that the options say, for as long as the process lives.
---@param options table<string, any> of the command line
---@return luvisor.Paths|nil paths nil without a code: this user has no place for a lock, and did not ask for one
---@return string? message
---@return integer? code exit code
function instance.take(options)
  local found, message, code = paths.of(options, system.environment())
  if not found and code == "EINVAL" then return nil, message, 2 end
  local ok, exit_code = nil, FAILED
  if found then ok, message, exit_code = take(found) end
  if ok then ok, message, exit_code = write_pid(found) end
  if ok then
    held = found
    return found
  end
  if exit_code == TAKEN or asked_for(options) then return nil, message, exit_code end
  return nil, message
end

--- Removes what others go by, and lets go of the lock.
function instance.release()
  if held then uv.fs_unlink(held.pid) end
  if lock then uv.fs_close(lock) end
  held, lock = nil, nil
end

return instance
