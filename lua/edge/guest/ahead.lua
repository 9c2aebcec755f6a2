-- Ahead: what a thread loads and makes that was begun before anybody knows what it will run: what a worker needs, most
-- probably. The mould of the threads (host/vm/mould.h) is filled with it, once for all of them: what this does leaves
-- nothing in C, and keeps nothing by the address of a table or a function.

local ahead = {}

-- What stays when a worker rests comes first: of what is dropped then whole pages are free.
local MODULES = {
  "core.lazy", "core.parts", "edge.running", "edge.env", "machine.instance", "worker", "core.fitness", "core.handlers",
  "machine.message.letterbox", "edge.guest.begin", "edge.load.generation",
}

--- Loads and makes it.
function ahead.load()
  for _, name in ipairs(MODULES) do require("luvisor." .. name) end
  require("luvisor.edge.guest.lone").make "thread"
  package.loaded["luvisor.edge.guest.ahead"] = nil
end

return ahead
