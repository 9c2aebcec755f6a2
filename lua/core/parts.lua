-- Parts: a module of which only some is loaded with it: what it has not is looked for in its parts, one after the
-- other, each of which is put into it when it is needed. For tables of functions that are used by name.

-- Takes the next part off the list; one that could not be loaded, for want of memory, is there for the next time.
local function load_next(module, left)
  local name = left[1]
  local undo <close> = setmetatable({}, { __close = function(_, failure) -- luacheck: ignore
    if failure ~= nil then table.insert(left, 1, name) end
  end })
  table.remove(left, 1)
  for key, value in pairs(require(name)) do module[key] = value end
end

---@param module table
---@param ... string names of modules
---@return table module
return function(module, ...)
  local left = { ... }
  return setmetatable(module, { __index = function(self, key)
    while left[1] and rawget(self, key) == nil do load_next(self, left) end
    return rawget(self, key)
  end })
end
