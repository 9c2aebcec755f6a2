-- Ahead: what a thread loads and makes that was begun before anybody knows what it will run: what a worker needs, most
-- probably.

local ahead = {}

local MODULES = { "luvisor.core.fitness", "luvisor.core.handlers", "luvisor.machine.message.letterbox" }

--- Loads and makes it.
function ahead.load()
  for _, name in ipairs(MODULES) do require(name) end
  require("luvisor.edge.guest.lone").make "thread"
  package.loaded["luvisor.edge.guest.ahead"] = nil
end

return ahead
