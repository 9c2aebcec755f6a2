-- Inspect: what there is to say of a unit now, as plain values: for status, the log, the REPL. In capitals what the
-- host does with it (STOPPED, BACKOFF, FATAL, ...), in small letters the states of its own machine.

local chronicle = require "luvisor.machine.chronicle"
local exit = require "luvisor.core.exit"
local unit = require "luvisor.machine.unit"
local units = require "luvisor.core.units"

local inspect = {}

local DOWN = {
  idle = "STOPPED", stopped = "STOPPED", waiting = "WAITING", backoff = "BACKOFF", restarting = "BACKOFF",
  done = "EXITED", fatal = "FATAL",
}

--- The state of a unit for people, and its pid.
---@param self table
---@return string state
---@return integer|nil pid
---@return string|nil status what it says of itself
function inspect.state(self)
  local state, pid, status = self:describe()
  if not unit.is_alive(self) then state = DOWN[self.phase] or state end
  return state, pid, status
end

--- Plain values of an exit, without its traceback.
---@param why luvisor.Exit|nil
---@return table|nil
function inspect.exit(why)
  if not why then return nil end
  return {
    kind = why.kind, text = tostring(why), message = why.message, code = why.code,
    signal = why.signal and exit.signal_name(why.signal) or why.signal, core = why.core, deadline = why.deadline,
  }
end

-- ---- why

local because = {}

local function asked(self)
  local entry = chronicle.last(self, "asked")
  return entry and entry[1] or nil
end

function because.fatal(self)
  return tostring(self.last_exit)
end

function because.backoff(self)
  local text = tostring(self.last_exit)
  if not self.due then return text end
  return ("%s, starts again in %s"):format(text, units.text(math.max(0, self.due - self.env.now())))
end

function because.restarting(self)
  return ("%s, starts again with its siblings"):format(tostring(self.last_exit))
end

function because.waiting(self)
  return "waits for " .. self.env.tree:missing(self)
end

function because.done(self)
  return self.last_exit and tostring(self.last_exit)
end

function because.stopped(self)
  return asked(self) or self.last_exit and tostring(self.last_exit)
end

function because.idle(self)
  if self.spec.schedule then return "not due yet: " .. self.spec.schedule.text end
  return self.spec.autostart == false and "not started yet: autostart = false" or nil
end

function because.running(self)
  local run = self.run
  return run and (run.health and run.state == "UNHEALTHY" and run.health.last or run.status) or nil
end

function because.starting(self)
  local run = self.run
  return run and (run.not_ready or run.status) or self.last_exit and "after " .. tostring(self.last_exit) or nil
end

function because.stopping(self)
  return asked(self)
end

--- Why the unit is in its state, in a few words; nil where there is nothing to say.
---@return string|nil
function inspect.why(self)
  if self.home then return self.reason end -- a stub for a unit of another runtime, which says it
  return because[self.phase](self)
end

local LAST_BYTES, LAST_LINES = 4096, 10

--- The last lines that a program wrote on stderr, as far as the host sees them.
---@return string[]|nil
function inspect.last_words(self)
  local child = self.child_before
  if not child then return nil end
  local lines, text = {}, child:tail(LAST_BYTES, self.spec.stderr == "stdout" and "stdout" or "stderr")
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  if #lines == 0 then return nil end
  return table.move(lines, math.max(1, #lines - LAST_LINES + 1), #lines, 1, {})
end

-- ---- all of it

--- Everything about a unit but its children.
---@param self table
---@param path? string where it is known
---@param usage? fun(pid: integer): integer?, number? memory in bytes and CPU seconds of a process and its session
---@return table
function inspect.unit(self, path, usage)
  local state, pid, status = inspect.state(self)
  path = path or self:path()
  local memory, cpu
  local drift = self.env.tree.drift
  if pid and usage then memory, cpu = usage(pid) end
  return {
    path = path, name = tostring(self.name), kind = self.spec.kind, state = state, phase = self.phase,
    running = unit.is_alive(self), ready = self.phase == "running", pid = pid, status = status,
    uptime = self.ready_at and self.env.now() - self.ready_at or nil, restarts = self.restarts or 0,
    generation = self.generation, why = inspect.why(self), exit = inspect.exit(self.last_exit), memory = memory,
    cpu = cpu, tags = self.spec.tags, drift = drift and drift[path] or nil,
  }
end

return inspect
