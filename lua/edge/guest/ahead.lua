-- Ahead: what a guest loads that was begun before anybody knows what it will run: what a worker needs, most probably.
-- The mould of the threads of guests (host/vm/mould.h) is filled with it: what these modules do while they are loaded
-- is done once for all of them, and keeps nothing by the address of a table or function.

local ahead = {}

local MODULES = {
  "luvisor.edge.guest.lone", "luvisor.edge.guest.world", "luvisor.core.fitness",
  "luvisor.core.handlers",
}

--- Loads it.
function ahead.load()
  for _, name in ipairs(MODULES) do require(name) end
  package.loaded["luvisor.edge.guest.ahead"] = nil
end

return ahead
