-- Parts: a module of which only some is loaded with it: what it has not is looked for in its parts, one after the
-- other, each of which is put into it when it is needed. For tables of functions that are used by name.

---@param module table
---@param ... string names of modules
---@return table module
return function(module, ...)
  local left = { ... }
  return setmetatable(module, { __index = function(self, key)
    while left[1] and rawget(self, key) == nil do
      for name, value in pairs(require(table.remove(left, 1))) do self[name] = value end
    end
    return rawget(self, key)
  end })
end
