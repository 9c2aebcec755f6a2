-- Unit: the part of a life that workers, programs and supervisors share.
--
-- Phases:
--   idle      never started
--   waiting   to be started as soon as what it comes `after` is there
--   starting  a generation was launched and is not ready yet
--   running   ready
--   stopping  asked to end; bounded by its shutdown
--   stopped   ended because it was asked to
--   backoff   ended by itself, starts again when its delay is over
--   restarting  ended by itself, starts again with its siblings
--   done      ended by itself and stays so
--   fatal     given up; only an explicit start tries again
-- A unit is `special` where somebody waits for it, writes to it or wants to be told of its end, or where there is more
-- to it than to others: then every step is taken in full, until a start at which nothing of that is left.
-- A start raises the generation; whatever an older generation still has to say is dropped. Stop is a phase: one that
-- arrives while starting is remembered by it, one in backoff or waiting takes effect at once, one before the start
-- means that nothing runs. Only the supervisor that owns the unit calls these functions.
-- How it is asked to end, and what is done then, is in unit/ending.lua, what becomes of it next in unit/verdict.lua.

local parts = require "luvisor.core.parts"

local unit = {}

local ALIVE = { starting = true, running = true, stopping = true }
unit.alive = ALIVE

--- Whether something of the unit runs.
function unit.is_alive(self)
  return ALIVE[self.phase] or false
end

--- Path of the unit in its tree, "etl/poller".
function unit.path(self)
  local parent = self.parent
  local above = parent and parent.spec and unit.path(parent)
  return above and above .. "/" .. self.name or tostring(self.name)
end

--- Calls off what it waits for before its next start.
function unit.cancel_timer(self)
  if self.timer then
    self.env.cancel(self.timer)
    self.timer = nil
  end
end

-- ---- start and stop

local function renew(self)
  if self.next_spec then self.spec, self.next_spec = self.next_spec, nil end
  local is_special = self.waiters or self.history or self.dynamic or self.extra or self.env.ends[self]
  self.special = is_special and true or nil
end

--- Starts a new generation. The body answers through ready and exited, never before this returns. Nothing ever runs
--- twice: who calls this has seen to that, and should that be wrong, nothing is started.
function unit.start(self)
  if ALIVE[self.phase] then return self.env.log("error", self, "runs already, and is not started once more") end
  if self.timer then unit.cancel_timer(self) end
  if self.special then renew(self) end
  self.generation = self.generation + 1
  self.phase = "starting"
  if self.env.watched.start then self.env.emit("start", self, { generation = self.generation }) end
  local ok, message = pcall(self.launch, self)
  if not ok then unit.fail_launch(self, message) end
end

-- ---- what the body reports

--- Something of an older generation has come.
function unit.drop(env) env.dropped = (env.dropped or 0) + 1 end

--- The body is ready: a unit that is being stopped, or was told to be already, is not.
function unit.ready(self, generation)
  local env, phase = self.env, self.phase
  if generation ~= self.generation or not ALIVE[phase] then return unit.drop(env) end
  if phase ~= "starting" then return end
  self.phase = "running"
  self.ready_at = env.now()
  if env.watched.ready then env.emit("ready", self, { generation = generation }) end
  self.parent:child_ready(self)
end

-- ---- making

local function exited(...) return unit.exited(...) end
local function proven(...) return unit.proven(...) end

--- Adds the functions above to a kind of unit, which brings launch, stop, kill and describe.
---@param kind table
---@return table kind
function unit.extend(kind)
  kind.__index = kind
  kind.ready, kind.exited, kind.path, kind.proven = unit.ready, exited, unit.path, proven
  return kind
end

--- The kind of unit that a spec asks for: one that runs here, or the place of one that runs in another runtime.
function unit.kind_of(env, spec)
  return env.kinds[spec.executor == "coroutine" and spec.kind or "remote"]
end

--- A new unit of a kind. `name` may be an integer for children of a pool.
function unit.new(kind, env, spec, parent, name)
  if spec.kind ~= "worker" then
    return setmetatable({
      env = env, spec = spec, parent = parent, name = name or spec.name, generation = 0, phase = "idle", at = nil,
      run = nil, chronicle = nil, child_before = nil, ready_at = nil, restarts = nil, last_exit = nil,
    }, kind)
  end
  -- There may be very many workers: exactly the sixteen fields which each comes to have, so that its table never grows.
  return setmetatable({
    env = env, spec = spec, parent = parent, name = name or spec.name, generation = 0, phase = "idle", at = nil,
    past = nil, instance = nil, task = nil, state = nil, is_ready = nil, ready_at = nil, restarts = nil,
    last_exit = nil, failure = nil,
  }, kind)
end

return parts(unit, "luvisor.machine.unit.ending", "luvisor.machine.unit.verdict")
