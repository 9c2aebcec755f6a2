-- Ahead: what a thread loads and makes that was begun before anybody knows what it will run: what a worker needs, most
-- probably. The mould of the threads (host/vm/mould.h) is filled with it, once for all of them: what this does leaves
-- nothing in C, and keeps nothing by the address of a table or a function.

local ahead = {}

local MODULES = { "luvisor.core.fitness", "luvisor.core.handlers", "luvisor.machine.message.letterbox" }

--- Loads and makes it.
function ahead.load()
  for _, name in ipairs(MODULES) do require(name) end
  require("luvisor.edge.guest.lone").make "thread"
  package.loaded["luvisor.edge.guest.ahead"] = nil
end

return ahead
