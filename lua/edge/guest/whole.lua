-- Whole: the beginning of a guest that may have a tree of units to run.

collectgarbage "restart"
collectgarbage("incremental", 120, 400) -- pause and work: what loading leaves behind is used again

local above = require "luvisor.edge.guest.above"
local begin = require "luvisor.edge.guest.begin"
local report = require "luvisor.edge.guest.report"
local running = require "luvisor.edge.running"
local trees = require "luvisor.machine.tree"
local unit = require "luvisor.machine.unit"

local whole = {}

local PAUSE, WORK = 200, 1 -- as host/engine.c has it

--- Begins to run what the guest was told to.
---@param self luvisor.GuestState
---@param told table see luvisor.edge.guests
function whole.begin(self, told)
  local world, spec = begin.prepare(self, told)
  if not world then return end
  local finish = require("luvisor.edge.guest.finish").finish
  local tree = trees.new(world, spec, function(why) finish(self, why) end, told.name)
  above.join(begin.be_parent(tree, self, told), self, told)
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
