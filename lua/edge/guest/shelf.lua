-- Shelf: the modules that a process with one worker begins and ends with, unpacked once for all that are started from
-- here. What is not among them, each unpacks for itself.

local guest = require "host.guest"

local shelf = {}

local MODULES = {
  "core.copy", "core.exit", "core.fitness", "core.fsm.link", "core.handlers", "core.lazy", "core.parts", "edge.env",
  "edge.env.parts", "edge.guest", "edge.guest.begin", "edge.guest.finish", "edge.guest.frames", "edge.guest.load",
  "edge.guest.lone", "edge.guest.lone_parts", "edge.guest.parts", "edge.guest.process", "edge.guest.wire",
  "edge.guest.world", "edge.load.definition", "edge.load.generation", "edge.running", "machine.announce",
  "machine.chronicle", "machine.instance", "machine.message.letterbox", "machine.supervisor.ends", "machine.unit",
  "machine.unit.ending", "machine.waiters", "machine.worker", "machine.worker.arguments", "machine.worker.begin",
  "machine.worker.ending", "machine.worker.passage", "machine.worker.past", "machine.worker.together", "worker",
}

local fd

--- The descriptor of the file in which they are; nil while none can be made.
---@return integer|nil
function shelf.fd()
  if fd then return fd end
  local names = {}
  for i, name in ipairs(MODULES) do names[i] = "luvisor." .. name end
  fd = guest.shelve(table.unpack(names))
  return fd
end

return shelf
