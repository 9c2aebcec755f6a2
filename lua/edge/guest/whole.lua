-- Whole: the beginning of a guest that may have a tree of units to run.

collectgarbage "restart"
collectgarbage("incremental", 120, 400) -- pause and work: what loading leaves behind is used again

local above = require "luvisor.edge.guest.above"
local begin = require "luvisor.edge.guest.begin"
local finish = require("luvisor.edge.guest.finish").finish
local generations = require "luvisor.edge.load.generation"
local load = require "luvisor.edge.guest.load"
local report = require "luvisor.edge.guest.report"
local running = require "luvisor.edge.running"
local runtime = require "host.runtime"
local trees = require "luvisor.machine.tree"
local unit = require "luvisor.machine.unit"
local worlds = require "luvisor.edge.guest.world"

local whole = {}

local PAUSE, WORK = 200, 1 -- as host/engine.c has it

-- Loads the unit, and makes its world; nil where the guest has ended instead.
local function prepare(self, told, common)
  for key, value in pairs(common) do told[key] = value end
  begin.confine(told.executor == "thread" and "thread" or "process")
  begin.watch(self, told.settings)
  load.use_directory(told.source.directory)
  local generation = generations.new(told.source.files)
  generations.use(generation)
  local spec, settings = load.unit(told, generation)
  if not spec then return finish(self, { kind = "error", message = settings }) end
  if settings ~= told.settings then runtime.watch(settings.slice, settings.stall, settings.kill) end
  local world = worlds.new "luvisor.edge.guest.parts"
  worlds.tell(world, self, told, settings, told.source)
  begin.teach(world)
  return world, spec
end

local function say_ready(self)
  self.flush(self)
  self.parent:send({ "ready" }, true)
end

--- Begins to run what the guest was told to.
---@param self luvisor.GuestState
---@param told table see luvisor.edge.guests
---@param common table  what all guests are told
function whole.begin(self, told, common)
  local world, spec = prepare(self, told, common)
  if not world then return end
  local tree = trees.new(world, spec, function(why) finish(self, why) end, told.name)
  above.join(begin.be_parent(tree, self, told, say_ready), self, told)
  local root = tree.root
  root.mirrored, root.extra, root.generation = true, told.extra, told.generation - 1
  world.root = root
  report.begin(world, root, self.parent, told.watched)
  self.flush, self.before_reply = report.flush, report.before_reply
  running.env = world
  if spec.children then world.sockets.open_all(spec) end
  unit.start(root)
  collectgarbage("incremental", PAUSE, WORK)
end

return whole
