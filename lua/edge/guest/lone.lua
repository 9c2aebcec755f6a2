-- Lone: the beginning of a guest that runs one worker, told as plain values, and what it tells of it. There may be
-- thousands of these: a tree, a report and whatever else the one worker can do without is made when it is needed.

local begin = require "luvisor.edge.guest.begin"
local load = require "luvisor.edge.guest.load"
local running = require "luvisor.edge.running"
local unit = require "luvisor.machine.unit"
local worker = require "luvisor.machine.worker"

collectgarbage() -- what loading has left behind is used by what follows

local lone = {}

local GATHER = 0.02  -- seconds
local SETTLED = 0.01 -- seconds: it is not to come before the first turn

-- What the host hears anyway, or tells of the unit itself.
local KNOWN = { start = true, ready = true, stop = true, exit = true }

--- Tells how the worker stands, if that has changed.
---@param self luvisor.GuestState
local function flush(self)
  local world = self.world
  if not world.has_changed then return end
  world.has_changed = false
  self.parent:send({ "units", { { names = {}, state = (world.root:describe()) } } }, true)
end

-- Of what else runs here, tasks, the host knows nothing.
local function emit(kind, one, event)
  local world = one.env
  if one ~= world.root or KNOWN[kind] then return end
  if kind == "transition" and not world.has_changed then
    world.has_changed = true
    world.after(GATHER, flush, world.guest)
  end
  world.guest.parent:send { "event", kind, one:path(), event }
end

local function forget(...)
  for _, name in ipairs { ... } do package.loaded[name] = nil end
end

--- Begins to run what the guest was told to.
---@param self luvisor.GuestState
---@param told table see luvisor.edge.guests
function lone.begin(self, told)
  collectgarbage "restart"
  local world, spec = begin.prepare(self, told, load.worker, "luvisor.edge.guest.lone_parts")
  if not world then return end
  world.is_lone, world.has_changed, world.mirrored, world.emit = true, true, false, emit
  world.watched.transition = true -- the host notes those down in any case
  for kind in pairs(told.watched) do world.watched[kind] = true end
  if told.watched.heartbeat then world.task.watch_beats(true) end
  world.worker_kind = worker(world)
  local root = unit.new(world.worker_kind, world, spec, begin.be_parent({}, self, told), told.name)
  root.mirrored, root.extra, root.generation = true, told.extra, told.generation - 1
  world.root, running.env = root, world
  self.flush, self.before_reply = flush, function() flush(self) end
  unit.start(root)
  forget("luvisor.core.fitness", "luvisor.edge.guest.begin", "luvisor.edge.guest.load", "luvisor.edge.guest.lone",
    "luvisor.edge.guest.confine", "luvisor.edge.guest.world", "luvisor.edge.load.definition", "luvisor.core.copy")
  world.after(SETTLED, collectgarbage)
end

return lone
