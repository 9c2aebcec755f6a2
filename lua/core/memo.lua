-- Memo: a table with what a function gives for each of its keys, worked out when it is first asked for. For functions
-- whose result is the same each time, and few keys.

---@generic K, V
---@param fn fun(key: K): V
---@return table<K, V>
return function(fn)
  return setmetatable({}, { __index = function(self, key)
    local value = fn(key)
    self[key] = value
    return value
  end })
end
