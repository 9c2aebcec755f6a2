-- Shed: has a worker that never began rest, in the state from which those of others are poured (host/vm/mould.h). What
-- is left then lies together in theirs, and the memory of the rest can be given back.

local begin = require "luvisor.edge.guest.begin"
local link = require "luvisor.core.fsm.link"
local lone = require "luvisor.edge.guest.lone"
local past = require "luvisor.machine.worker.past"
local running = require "luvisor.edge.running"
local unit = require "luvisor.machine.unit"
local worker = require "luvisor.worker"

local shed = {}

--- Makes what a worker has, and drops what it does without.
function shed.all()
  local kept, made = { machine = link.default(), definition = worker.define() }, lone.made()
  local world = made.world
  past.attach(kept.machine)
  kept.definition:actor("running", { every = 1 }, print)
  kept.definition:call("call", print)
  world.task = { set_handlers = function() end } -- no runtime is here
  world.root = unit.new(world.worker_kind, world, { name = "", restart = {} },
    begin.be_parent({}, {}, {}, made.say_ready), "")
  kept.flush, running.kept, running.env, running.generation = made.flush, kept, world, made.generation
  lone.drop(world, made.generation)
  package.loaded["luvisor.edge.guest.shed"] = nil
end

return shed
