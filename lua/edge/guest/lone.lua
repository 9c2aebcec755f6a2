-- Lone: the beginning of a guest that runs one worker, told as plain values, and what it tells of it. There may be
-- thousands of these: a tree, a report and whatever else the one worker can do without is made when it is needed.

local begin = require "luvisor.edge.guest.begin"
local running = require "luvisor.edge.running"
local runtime = require "host.runtime"
local definition = require "luvisor.edge.load.definition"
local finish = require "luvisor.core.lazy" "luvisor.edge.guest.finish"
local generations = require "luvisor.edge.load.generation"
local link = require "luvisor.core.fsm.link"
local load = require "luvisor.edge.guest.load"
local unit = require "luvisor.machine.unit"
local worker = require "luvisor.machine.worker"
local worlds = require "luvisor.edge.guest.world"

local lone = {}

local GATHER = 0.02 -- seconds
local REST = 0.1    -- seconds until it is thought to rest
local MOST = 1024   -- KiB that are collected in one go
local LEFT = 256    -- KiB that a process may take before the collector begins

-- What the host hears anyway, or tells of the unit itself.
local KNOWN = { start = true, ready = true, stop = true, exit = true }

-- The way to where the worker is ready: state, event, state, and so on. Most are so in their first turn, and then it
-- is said all in one.
local way

local function tell_event(self, kind, event)
  self.parent:send { "event", kind, self.world.root:path(), event }
end

local function tell_way(self)
  local steps, generation = way or {}, self.world.root.generation
  way = nil
  for i = 3, #steps, 2 do
    tell_event(self, "transition",
      { from = steps[i - 2], event = steps[i - 1], to = steps[i], generation = generation })
  end
end

local function add_to_way(self, event)
  if not way then
    way = { event.from }
    runtime.post(tell_way, self)
  end
  way[#way + 1] = event.event
  way[#way + 1] = event.to
end

--- Tells the host what it has not been told.
---@param self luvisor.GuestState
local function flush(self)
  tell_way(self)
  local world = self.world
  if not world.has_changed then return end
  world.has_changed = false
  self.parent:send({ "units", { { names = {}, state = (world.root:describe()) } } }, true)
end

local function say_ready(self)
  local world, steps = self.world, way
  world.has_changed, way = false, nil
  self.parent:send({ n = 3, "ready", (world.root:describe()), steps }, true)
end

-- Of what else runs here, tasks, the host knows nothing.
local function emit(kind, one, event)
  local world = one.env
  if one ~= world.root or KNOWN[kind] then return end
  if kind == "transition" and not world.has_changed then
    world.has_changed = true
    world.after(GATHER, flush, world.guest)
  end
  if one.phase == "starting" and kind == "transition" then return add_to_way(world.guest, event) end
  tell_event(world.guest, kind, event)
end

-- What was needed for the beginning.
local BEGINNING = {
  "core.copy", "core.fitness", "core.fsm.link", "core.handlers", "edge.guest.begin", "edge.guest.load",
  "edge.guest.lone", "edge.guest.wire", "edge.guest.world", "edge.load.definition", "edge.load.generation",
  "machine.announce", "machine.message.letterbox", "machine.unit", "machine.worker", "machine.worker.arguments",
  "machine.worker.past", "worker",
}

-- Has the kind of the worker made again when something of it is called: while it rests it needs nothing.
local function set_aside(world)
  local kind = world.worker_kind
  for name, fn in pairs(kind) do
    if type(fn) == "function" then
      kind[name] = function(...)
        require "luvisor.machine.worker"(world, kind)
        return kind[name](...)
      end
    end
  end
  world.is_lone, kind.handlers = false, nil
  world.task.set_handlers {
    advance = kind.advance, ready = kind.rests_ready, finished = kind.finished, failed = kind.failed, late = kind.late,
    beat = kind.beat, serve = kind.serve,
  }
end

-- Has the methods of the generation's class loaded again.
local function lay_by(generation)
  setmetatable(generation, { __index = function(self, name)
    setmetatable(self, require("luvisor.edge.load.generation").class)
    return self[name]
  end })
end

-- Whether nothing has come since the beginning: what was loaded then would be loaded again.
local function rests(world)
  return not (world.guest.over or package.loaded["luvisor.machine.worker.ending"]
    or package.loaded["luvisor.machine.message.mailbox"])
end

--- Drops what a worker that rests does without.
---@param world table
---@param generation luvisor.Generation
function lone.drop(world, generation)
  require("luvisor.worker").lighten()
  set_aside(world)
  lay_by(generation)
  for _, name in ipairs(BEGINNING) do package.loaded["luvisor." .. name] = nil end
end

-- The worker has begun, and rests. Its memory is looked at when this is gone as well.
local function lighten(world)
  local spec = world.root.spec
  if not rests(world) then return end
  if not (spec.fsm or spec.definition.fsm) then spec.machine.plan = nil end -- that of the next is as good
  lone.drop(world, running.generation)
  if collectgarbage "count" >= MOST then return end
  runtime.post(collectgarbage)
  runtime.post(runtime.trim)
end

-- ---- the beginning: first what is the same for all, then what is for all of this host, then what is for this worker

local world, generation, common

--- Makes all that depends on nothing; what this leaves in the state belongs to no runtime yet.
---@param place "thread"|"process"
function lone.make(place)
  if world then return end
  begin.confine(place)
  world = worlds.new "luvisor.edge.guest.lone_parts"
  world.is_lone, world.has_changed, world.mirrored, world.emit = true, true, false, emit
  world.watched.transition = true -- the host notes those down in any case
  world.worker_kind = worker(world)
  generation = generations.new(nil, true)
  link.default()
  collectgarbage "restart"
  if place == "process" then return collectgarbage("step", -LEFT) end
  collectgarbage() -- what loading has left behind is used by what follows
end

--- What it has made, and what it tells with.
function lone.made() return { world = world, generation = generation, flush = flush, say_ready = say_ready } end

local function know(self, told)
  common = told
  begin.watch(self, told.settings)
  generation:give(told.source.files)
  generations.use(generation)
  load.use_directory(told.source.directory)
  definition.complete(link.default(told.settings.heartbeat))
end

-- From here on what was made belongs to this runtime.
local function attach()
  begin.teach(world)
  world.task.set_handlers(world.worker_kind.handlers)
end

--- Makes what all workers of this host need, before it is known which one it will be.
---@param self luvisor.GuestState
---@param told table what all are told
function lone.prepare(self, told)
  require("luvisor.edge.guest.ahead").load()
  know(self, told)
  attach()
end

local function take_in(self, told)
  told.settings, told.source, told.lineage = common.settings, common.source, common.lineage
  worlds.tell(world, self, told, common.settings, common.source)
  for kind in pairs(told.watched) do world.watched[kind] = true end
  if told.watched.heartbeat then world.task.watch_beats(true) end
  return load.worker(told, generation)
end

--- Begins to run what the guest was told to.
---@param self luvisor.GuestState
---@param told table see luvisor.edge.guests
---@param for_all? table what all are told, if that is not known
function lone.begin(self, told, for_all)
  local place = told.executor == "thread" and "thread" or "process"
  if not common then
    lone.make(place)
    attach()
  end
  if for_all then know(self, for_all) end
  local spec, message = take_in(self, told)
  if not spec then return finish.finish(self, { kind = "error", message = message }) end
  local root = unit.new(world.worker_kind, world, spec, begin.be_parent({}, self, told, say_ready), told.name)
  root.mirrored, root.extra, root.generation = true, told.extra, told.generation - 1
  world.root, running.env = root, world
  self.flush, self.before_reply = flush, function() flush(self) end
  unit.start(root)
  runtime.after(REST, lighten, world)
end

return lone
