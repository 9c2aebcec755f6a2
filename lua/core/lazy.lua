-- Lazy: a module that is loaded when something of it is first asked for. Every thread has a Lua state of its own, and
-- most of them run one worker that needs little of the library. For tables of functions that are used by name:
--     local cron = lazy "luvisor.core.cron"

local function load_now(self, key)
  local meta = getmetatable(self)
  local module = require(meta.name)
  meta.__index = module
  return module[key]
end

---@param name string
---@return table
return function(name)
  return setmetatable({}, { __name = "luvisor.lazy", name = name, __index = load_now })
end
