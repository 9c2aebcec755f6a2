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
  program_stop.unlimit(self, run)
  run.limit = self.env.deadline(STUCK_AFTER, note_stuck, self, run)
end

-- Who is left is looked for before it is killed, which takes a moment.
local function give_up_asking(self, run)
  if self.run ~= run then return end
  local asked, message = run.child:members(function(pids)
    if self.run ~= run or run.killed then return end
    self.env.log("warn", self, "did not end within %s, killing %s", run.allowed, pids_text(pids or {}))
    program_stop.kill(self, run)
  end)
  if asked then return end
  self.env.log("warn", self, "did not end in time, killing it: %s", message)
  program_stop.kill(self, run)
end

-- ---- the shutdown time
-- Many may be asked at one moment, and have the same time: they share a deadline. What is done then is done for each
-- apart: what goes wrong with one is no matter of the others.

local newest -- those who were asked last: units, and how many of them have the time still

local function give_up_row(row)
  if newest == row then newest = nil end
  local allowed = ("%g s"):format(row.seconds)
  for _, self in ipairs(row) do
    local run = self.run
    if run and run.row == row then
      run.row, run.allowed = nil, allowed
      row.env.post(give_up_asking, self, run)
    end
  end
end

local function join_row(self, run, seconds)
  local env, due, row = self.env, run.due, newest
  if not row or row.due ~= due or row.seconds ~= seconds or row.env ~= env then
    row = { env = env, due = due, seconds = seconds, count = 0 }
    row.timer, newest = env.deadline(seconds, give_up_row, row), row
  end
  row[#row + 1], row.count, run.row = self, row.count + 1, row
end

local function leave_row(run)
  local row = run.row
  local count = row.count - 1
  run.row, row.count = nil, count
  if count > 0 then return end
  row.env.cancel(row.timer)
  if newest == row then newest = nil end
end

--- Ends the shutdown time.
function program_stop.unlimit(self, run)
  if run.row then leave_row(run) end
  if run.limit then self.env.cancel(run.limit) end
end

--- Begins the shutdown time, once.
function program_stop.limit(self, run)
  local seconds = self.spec.shutdown or DEFAULT
  if seconds == "kill" then seconds = DEFAULT end
  if run.due or seconds == "infinity" then return end
  run.due = self.env.now() + seconds
  join_row(self, run, seconds)
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
  program_stop.unlimit(self, run)
  run.limit = env.deadline(seconds, give_up_asking, self, run)
end

return program_stop
