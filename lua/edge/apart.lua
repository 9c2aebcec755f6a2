-- Apart: workers that nobody supervises, each for one function of the script's or the user's. To the machines they are
-- workers like others; what a script's are checked for and completed with they do not need.

local definition = require "luvisor.edge.load.definition"
local fsm = require "luvisor.core.fsm"
local instance = require "luvisor.machine.instance"
local unit = require "luvisor.machine.unit"

local apart = {}

--- A machine for them, made once: its state "running" is the one with an actor.
---@param given table as for luvisor.fsm
---@return luvisor.Machine
function apart.machine(given)
  return definition.complete(fsm(given))
end

--- A worker of that machine, not yet started.
---@param env table the machines'
---@param owner table its parent, or what takes a parent's place
---@param fn fun(self: table): string the actor: returns an event
---@param spec { name: string, machine: luvisor.Machine, shutdown: any } is completed
---@return table unit
function apart.new(env, owner, fn, spec)
  spec.kind, spec.definition = "worker", { actors = { running = { fn = fn } }, meta = instance.meta }
  return unit.new(env.kinds.worker, env, spec, owner)
end

return apart
