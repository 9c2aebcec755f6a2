-- Ahead: what a guest loads that was begun before anybody knows what it will run: what a worker needs, most probably.

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
