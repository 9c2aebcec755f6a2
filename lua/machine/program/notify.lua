-- Program notify: what a program says of itself by sd_notify, and the watchdog that waits for it to say something.
--
-- Messages count when their sender is in the program's session; whoever else writes to the socket is not heard.
-- READY=1 ends STARTING where readiness was to be notified, and a reload. STOPPING=1 is the beginning of the end: the
-- program has its shutdown time from then on. EXTEND_TIMEOUT_USEC moves the limit of a start or an end to that much
-- from now, if it was to come sooner. The watchdog begins when the program is ready; without WATCHDOG=1 for its
-- interval the program gets SIGABRT, and SIGKILL when its shutdown time is over.

local notification = require "luvisor.core.notification"
local program_exit = require "luvisor.machine.program.exit"
local program_stop = require "luvisor.machine.program.stop"

local program_notify = {}

local function wants(self)
  local spec = self.spec
  return spec.watchdog or spec.ready and spec.ready.notify
end

-- ---- the watchdog

local function on_miss(self, run)
  if self.run ~= run or not run.watchdog then return end
  self:fail(run, program_exit.of_watchdog(run.watchdog, run.fed), "ABRT")
end

local function rearm(self, run)
  self.env.cancel(run.watchdog_timer)
  if run.watchdog_on then run.watchdog_timer = self.env.deadline(run.watchdog, on_miss, self, run) end
end

--- The program is ready: from now on it has to show that it lives.
function program_notify.begin(self, run)
  run.watchdog_on = run.watchdog ~= nil
  rearm(self, run)
end

--- It need not any more.
function program_notify.cancel(self, run)
  run.watchdog_on = false
  self.env.cancel(run.watchdog_timer)
end

-- ---- what is said

local hear = {}

function hear.extend_seconds(self, run, seconds)
  if run.state == "STARTING" then self:extend_start(run, seconds) end
  if run.state == "STOPPING" then program_stop.extend(self, run, seconds) end
end

function hear.status(self, run, text)
  if text == run.status then return end
  run.status = text
  self.env.log("info", self, "status: %s", text)
end

function hear.main_pid(self, run, pid)
  if run.child:has(pid) then
    run.pid = pid
    return
  end
  self.env.log("warn", self, "MAINPID=%d is none of its processes", pid)
end

function hear.errno(_, run, number)
  run.errno = number
end

function hear.reloading(self, run)
  if not run.reloading then self.env.log("info", self, "reloading") end
  run.reloading = true
end

function hear.watchdog_seconds(self, run, seconds)
  if not self.spec.watchdog or seconds == 0 then return end
  run.watchdog = seconds
  rearm(self, run)
end

function hear.ready(self, run)
  if run.reloading then self.env.log("info", self, "reloaded") end
  run.reloading = nil
  if self.spec.ready and self.spec.ready.notify then self:now_ready(run) end
end

function hear.watchdog(self, run, word)
  if not run.watchdog_on then return end
  if word == "trigger" then return on_miss(self, run) end
  if not run.fed and not self.spec.health then self:proven() end
  run.fed = true
  rearm(self, run)
end

function hear.stopping(self, run)
  if run.exit or run.asked or run.failure then return end
  self:leave_service(run)
  self:change(run, "STOPPING", "it says so")
  program_stop.limit(self, run)
end

-- A message may say several things: what it is comes before what it does.
local ORDER = {
  "status", "errno", "main_pid", "watchdog_seconds", "extend_seconds", "reloading", "ready", "watchdog", "stopping",
}

local function on_message(self, run, text)
  if self.run ~= run or run.exit then return end
  if not text then return self.env.log("warn", self, "sent a notification that is too long") end
  local said = notification.parse(text)
  for _, what in ipairs(ORDER) do
    if said[what] ~= nil and self.run == run and not run.exit then hear[what](self, run, said[what]) end
  end
end

-- ---- launching

--- Adds NOTIFY_SOCKET, and WATCHDOG_USEC, to the environment of a program that is to use them.
---@param variables table<string, string|false>
---@return boolean|nil ok
---@return string? message
---@return string? code
function program_notify.prepare(self, run, variables)
  if not wants(self) then return true end
  local address, message, code = self.env.notifications.address()
  if not address then return nil, "notify: " .. message, code end
  variables.NOTIFY_SOCKET = address
  run.watchdog = self.spec.watchdog
  if run.watchdog then variables.WATCHDOG_USEC = ("%d"):format(run.watchdog * 1e6 // 1) end
  return true
end

--- Hears the session of a program that was launched.
function program_notify.listen(self, run)
  if not wants(self) then return end
  run.heard = run.child:pid()
  self.env.notifications.hear(run.heard, function(text) on_message(self, run, text) end)
end

--- Hears it no longer: everybody of it is gone.
function program_notify.forget(self, run)
  if run.heard then self.env.notifications.forget(run.heard) end
end

return program_notify
