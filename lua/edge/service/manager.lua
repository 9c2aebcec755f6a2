-- Manager: what the host and the service manager that has started it (systemd, or a host of this kind) tell each other.
--
-- The manager has passed its address (NOTIFY_SOCKET), an interval (WATCHDOG_USEC) and sockets (LISTEN_FDS) in the
-- environment, for this process alone: they are taken out of it before anybody could inherit them. It is told when the
-- tree is up, when it is being reloaded, and when it stops. WATCHDOG=1 is sent from the loop, at half of the interval:
-- a host whose loop stands still falls silent and is ended.

local native = require "host.daemon"
local notify = require "host.notify"
local runtime = require "host.runtime"
local system = require "host.system"
local uv = require "luv"

local manager = {}

local FIRST_FD = 3

local address   -- of the manager; nil: there is none, or it does not want to know
local interval  -- seconds between two signs of life
local received = {}
local phase     -- "up" once the tree is, "stopping" in the end

local function take(name)
  local value = os.getenv(name)
  uv.os_unsetenv(name)
  return value
end

local function is_meant(pid)
  return pid == nil or tonumber(pid) == system.pid()
end

local function take_sockets()
  local pid, count, names = take "LISTEN_PID", tonumber(take "LISTEN_FDS"), take "LISTEN_FDNAMES"
  if not pid or not is_meant(pid) or not math.tointeger(count) then return end
  local fd = FIRST_FD
  for name in ((names or "") .. (":unknown"):rep(count)):gmatch "[^:]+" do
    if fd >= FIRST_FD + count then break end
    if native.keep(fd) and not received[name] then received[name] = fd end
    fd = fd + 1
  end
end

--- Takes what the manager has passed; to be called once, before anything is started.
function manager.take()
  take_sockets()
  local pid, microseconds = take "WATCHDOG_PID", tonumber(take "WATCHDOG_USEC")
  address = take "NOTIFY_SOCKET"
  if microseconds and microseconds > 0 and is_meant(pid) then interval = microseconds / 1e6 / 2 end
end

--- The sockets that were passed, by their names.
---@return table<string, integer>
function manager.sockets()
  return received
end

local function send(...)
  if not address then return end
  local lines = { ... }
  for i, line in ipairs(lines) do lines[i] = line:gsub("\n", " ") end
  return notify.send(address, table.concat(lines, "\n"))
end

local function beat()
  send "WATCHDOG=1"
  runtime.after(interval, beat)
end

--- Shows from now on that the loop turns, if the manager wants to see it.
function manager.begin()
  if address and interval then beat() end
end

--- The tree is up.
---@param status string
function manager.ready(status)
  if phase == "stopping" then return end
  phase = "up"
  send("READY=1", "STATUS=" .. status)
end

--- The tree is being reloaded. Returns what ends that: to be called with what came of it.
---@return fun(status: string)
function manager.reloading()
  if phase ~= "up" then return function() end end
  send("RELOADING=1", ("MONOTONIC_USEC=%d"):format(runtime.exact() // 1000), "STATUS=reloading")
  return manager.ready
end

--- The tree is being stopped.
---@param status string
function manager.stopping(status)
  phase = "stopping"
  send("STOPPING=1", "STATUS=" .. status)
end

return manager
