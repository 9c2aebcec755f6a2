-- Frames: what a host says to its guest once that has been told what to run. By name: fn(guest, ...).

local finish = require("luvisor.edge.guest.finish").finish
local unit = require "luvisor.machine.unit"

local frames = {}

function frames.stop(self)
  if self.world and unit.ask_to_stop(self.world.root) then finish(self, unit.shutdown_exit()) end
end

function frames.kill(self)
  if not self.world or unit.ask_to_kill(self.world.root) then finish(self, { kind = "killed" }) end
end

function frames.letter(self, ...) self.world.office:letter(...) end
function frames.answer(self, ...) self.world.office:answer(...) end
function frames.taken(self, list) self.world.office:taken(list) end

function frames.told(self, ...) self.world.inquiry:told(...) end

function frames.tell(self, path, what, ...)
  local world = self.world
  local one = world.tree:find(path)
  if not one then return end
  if what ~= "unnamed" or one.tell then return require("luvisor.machine.message.bonds").arrive(one, what, ...) end
  world.registry:unregister(...)
end

function frames.call(self, id, ...)
  local calls = require "luvisor.edge.guest.calls"
  calls.run(self.world, calls.reply(self.parent, id, self.before_reply), ...)
end

return frames
