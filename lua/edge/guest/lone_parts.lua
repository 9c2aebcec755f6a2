-- Lone parts: what the env of a guest with a single worker has besides that of others; see parts.lua.

local parts = setmetatable({}, { __index = require "luvisor.edge.guest.parts" })

function parts.tree(world)
  local above, trees = require "luvisor.edge.guest.above", require "luvisor.machine.tree"
  return above.join(trees.of(world, world.root), world.guest, world.told)
end

return parts
