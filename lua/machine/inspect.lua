-- Inspect: what there is to say of a unit now, as plain values: for status, the log, the REPL. In capitals what the
-- host does with it (STOPPED, BACKOFF, FATAL, ...), in small letters the states of its own machine.

local brief = require "luvisor.core.brief"
local reasons = require "luvisor.machine.reasons"
local signals = require "luvisor.core.signals"
local unit = require "luvisor.machine.unit"

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
    signal = why.signal and signals.name(why.signal) or why.signal, core = why.core, deadline = why.deadline,
    errno = why.errno,
  }
end

--- Why the unit is in its state, in a few words; nil where there is nothing to say.
inspect.why = reasons.of

local LAST_BYTES, LAST_LINES = 4096, 10

--- The last lines of a text, without empty ones.
---@param text string
---@param count integer
---@return string[]
function inspect.last_lines(text, count)
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return table.move(lines, math.max(1, #lines - count + 1), #lines, 1, {})
end

--- The last lines that a program wrote on stderr, as far as the host sees them; of another runtime, as told.
---@return string[]|nil
function inspect.last_words(self)
  local child = self.child_before
  if not child then return self.last_words end
  local text = child:tail(LAST_BYTES, self.spec.stderr == "stdout" and "stdout" or "stderr")
  local lines = inspect.last_lines(text, LAST_LINES)
  return lines[1] and lines or nil
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

--- What a table of units shows of one, as a row of luvisor.core.brief.
---@param self table
---@param path string
---@param name string what it is to be called
---@param depth integer
---@param omitted? integer of its children, that are not shown
---@return table
function inspect.row(self, path, name, depth, omitted)
  local state, pid = inspect.state(self)
  local env, children = self.env, self.children
  local drift = env.tree.drift
  return brief.pack(depth, name, state, unit.is_alive(self), self.phase == "running", pid,
    self.ready_at and env.now() - self.ready_at, self.restarts or 0, inspect.why(self), drift and drift[path], omitted,
    children and children.count)
end

--- The same as inspect.unit, and where it comes from: its module, and the place in a script where it is defined.
---@param self table
---@return table
function inspect.closely(self)
  local about, module, where = inspect.unit(self), self.spec.module, self.spec.where
  about.module = type(module) == "string" and module or nil
  about.defined = where and ("%s:%d"):format(where.file, where.line) or nil
  return about
end

return inspect
