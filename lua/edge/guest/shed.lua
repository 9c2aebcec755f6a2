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

-- What else is named in what workers are made of.
local NAMES = [[
  actor actors any base_path before_reply call calls cast child_ended child_ready child_stopped complete directory edges
  enter events every files fn given heartbeat index info initial instance is_ready keepalive keys leave lineage
  luvisor.core.fsm.questions luvisor.fsm luvisor.machine.message.mailbox module only order outcome past plain ready_at
  ready_state recall remember append code restart_name restarts settings slice source spec_path stall start_timeout
  states temporary text timeout timer told transition_timeouts unit upgrade where worker
  starting terminating stopped crashed run
]]

--- Makes what a worker has, and drops what it does without.
function shed.all()
  local kept, made = { machine = link.default(), definition = worker.define() }, lone.made()
  local world = made.world
  past.attach(kept.machine)
  for name in NAMES:gmatch "%S+" do kept[#kept + 1] = name end
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
