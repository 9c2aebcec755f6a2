-- Above: the tree of a guest, as a part of its host's.

local exit = require "luvisor.core.exit"

local above = {}

--- Lets units of a guest's tree be found by what the host calls them, and a critical one end what it is part of there.
---@param tree table
---@param self luvisor.GuestState
---@param told table
---@return table tree
function above.join(tree, self, told)
  local prefix, find = (told.parent or "") .. "/", tree.find
  function tree.find(_, path)
    if path:sub(1, #prefix) == prefix then path = path:sub(#prefix + 1) end
    return find(tree, path)
  end
  function tree.fail(_, child, why)
    self.parent:send({ "critical", child:path(), exit.pack(why) }, true)
  end
  return tree
end

return above
