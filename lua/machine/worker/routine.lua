-- Routine: what a stop and a start of workers takes to which nothing special applies, worked out once for all that are
-- alike; and the start of many of them in a row. What comes of it is what unit.lua and worker.lua come to, in as few
-- steps as that takes; who is not ready for it, or on whom somebody looks, is left to them. Their stop is in
-- together.lua.

local exit = require "luvisor.core.exit"
local unit = require "luvisor.machine.unit"

local routine = {}

---@class luvisor.Routine
---@field shutdown? number        seconds
---@field endings table           by state: what an event leads to that ends the machine well; none for a kill
---@field append function         of the machine
---@field first? table            what a worker begins with
---@field meta? table             of the instances; nil where a start takes more
---@field start_timeout? number

local NONE = {}

local function endings_of(passages)
  local all = setmetatable({}, { __index = function() return NONE end })
  for state, by_event in pairs(passages) do
    if state ~= "initial" then
      all[state] = {}
      for event, found in pairs(by_event) do
        if found.state.outcome == "ok" then all[state][event] = found end
      end
    end
  end
  return all
end

-- Only where it leads to an actor.
local function first_of(initial)
  local actor, state = initial and initial.actor, initial and initial.state
  if not actor then return nil end
  return { actor.fn, every = actor.every, heartbeat = state.heartbeat, stay = state.timeout, ready = initial.ready,
    state = state, past = initial.past }
end

local known = setmetatable({}, { __mode = "k" }) -- by passages: one for each of the few kinds of worker that have these

local function find(list, meta, shutdown, start_timeout)
  for _, one in ipairs(list) do
    if one.meta == meta and one.shutdown == shutdown and one.start_timeout == start_timeout then return one end
  end
end

--- How workers of a spec are stopped and started; nil where there is more to it.
---@param spec table of a worker, its definition loaded
---@return luvisor.Routine|nil
function routine.of(spec)
  local passages, shutdown = spec.passages, spec.shutdown
  if spec.executor ~= "coroutine" or not passages then return nil end
  local is_plain = not (spec.args or spec.after or spec.schedule or spec.backoff)
  local meta, start_timeout = is_plain and spec.definition.meta or nil, spec.start_timeout or nil
  if shutdown == "infinity" then shutdown = nil end
  local list = known[passages] or { endings = endings_of(passages), first = first_of(passages.initial) }
  known[passages] = list
  local found = find(list, meta, shutdown, start_timeout)
  if not found then
    found = { shutdown = shutdown, endings = shutdown == "kill" and {} or list.endings, append = spec.machine.append,
      first = list.first, meta = meta, start_timeout = start_timeout }
    list[#list + 1] = found
  end
  return found
end

--- Gives a spec the code of another, that of a worker that goes on with it.
function routine.keep_code(spec, old)
  spec.definition, spec.machine, spec.passages = old.definition, old.machine, old.passages
  spec.routine = routine.of(spec)
  return spec
end

-- ---- start

local function start_row(env, list, first)
  local launch, watched, shutdown = env.task.launch, env.watched, exit.shutdown
  for i = first, #list do
    local self = list[i]
    local way = self.spec.routine
    local meta = way and way.meta
    -- Of a plain end nothing is left that a start would have to clear away.
    if not meta or self.phase ~= "stopped" or self.last_exit ~= shutdown or self.special or watched.start then
      return i
    end
    self.generation = self.generation + 1
    self.phase = "starting"
    self.state, self.is_ready, self.stopping, self.past = nil, nil, nil, ""
    self.task, self.instance = launch(self, meta, way.start_timeout)
  end
  return #list + 1
end

--- Starts one again that has ended by itself and was judged; false where there is more to it.
---@param env table
---@param self table
---@return boolean
function routine.restart(env, self)
  local way = self.spec.routine
  local meta = way and way.meta
  if not meta or self.special or self.phase ~= "done" or env.watched.start or env.tree.waiting[1] then return false end
  self.generation, self.phase = self.generation + 1, "starting"
  self.state, self.is_ready, self.failure, self.past = nil, nil, nil, ""
  local ok, handle, instance = pcall(env.task.launch, self, meta, way.start_timeout)
  if ok then self.task, self.instance = handle, instance else unit.fail_launch(self, handle) end
  return true
end

-- Only for want of memory.
local function failed_one(list, first)
  for i = first, #list do
    if list[i].phase == "starting" and not list[i].instance then return i end
  end
  return #list
end

--- Starts list[first] and those after it as long as there is no more to it; the place of the next one.
---@param env table
---@param list table[] units
---@param first integer
---@return integer
function routine.start(env, list, first)
  local ok, next = pcall(start_row, env, list, first)
  if not ok then
    local failed, message = failed_one(list, first), next
    unit.fail_launch(list[failed], message)
    next = failed + 1
  end
  local tree = env.tree
  if next > first and tree.waiting[1] then tree:changed() end
  return next
end

return routine
