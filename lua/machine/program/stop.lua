-- Program stop: how a program and everything in its group and session is made to end.
--
-- asked    the signal to everybody, then CONT, so that what is stopped can act on it; the shutdown time runs
-- killed   the shutdown time is over, or nobody meant to wait: KILL to everybody
-- stuck    still alive 2 s after the KILL (a process in the kernel): said in the log, and waited for. Never is
--          something called gone that lives.
-- Whoever is left when the leader has ended gets TERM and the rest of the same time.

local program_stop = {}

local STUCK_AFTER = 2 -- seconds
local DEFAULT = 10    -- seconds
local SHOWN = 8       -- pids in a message

local function pids_text(pids)
  local text = table.concat(pids, ", ", 1, math.min(#pids, SHOWN))
  return #pids > SHOWN and text .. ", ..." or text
end

local function note_stuck(self, run)
  if self.run ~= run then return end
  run.stuck = true
  run.child:members(function(pids)
    self.env.log("error", self, "still alive %g s after SIGKILL: %s", STUCK_AFTER, pids_text(pids or {}))
  end)
end

local function send(self, run, signal, second)
  local ok, message = run.child:signal_group(signal, second)
  if not ok then self.env.log("warn", self, "SIG%s: %s", signal, message) end
end

--- Kills everybody; once more when it was done before.
function program_stop.kill(self, run)
  send(self, run, "KILL")
  if run.killed then return end
  run.killed = true
  self.env.cancel(run.limit)
  run.limit = self.env.deadline(STUCK_AFTER, note_stuck, self, run)
end

-- Who is left is looked for before it is killed, which takes a moment.
local function give_up_asking(self, run)
  if self.run ~= run then return end
  local asked, message = run.child:members(function(pids)
    if self.run ~= run or run.killed then return end
    local allowed = type(run.allowed) == "number" and ("%g s"):format(run.allowed) or run.allowed
    self.env.log("warn", self, "did not end within %s, killing %s", allowed, pids_text(pids or {}))
    program_stop.kill(self, run)
  end)
  if asked then return end
  self.env.log("warn", self, "did not end in time, killing it: %s", message)
  program_stop.kill(self, run)
end

--- Begins the shutdown time, once.
function program_stop.limit(self, run)
  local seconds = self.spec.shutdown or DEFAULT
  if seconds == "kill" then seconds = DEFAULT end
  if run.due or seconds == "infinity" then return end
  run.due, run.allowed = self.env.now() + seconds, seconds
  run.limit = self.env.deadline(seconds, give_up_asking, self, run)
end

--- Asks everybody to end with a signal, and kills what is still there when the shutdown time is over.
---@param signal string
function program_stop.ask(self, run, signal)
  if run.killed then return end
  if self.spec.shutdown == "kill" then return program_stop.kill(self, run) end
  send(self, run, signal, "CONT")
  program_stop.limit(self, run)
end

--- Moves the end of the shutdown time to so many seconds from now, if it was to come sooner.
---@param seconds number
function program_stop.extend(self, run, seconds)
  local env = self.env
  if run.killed or not run.due or env.now() + seconds <= run.due then return end
  run.due, run.allowed = env.now() + seconds, "the time that it asked for"
  env.cancel(run.limit)
  run.limit = env.deadline(seconds, give_up_asking, self, run)
end

return program_stop
