-- Sources: what can be done with those of a generation, and with what it made of them; its methods, see generation.lua.

local sources = {}

--- The text of a file.
---@param path string
---@return string|nil text
---@return string? message
function sources.read(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text, reason = file:read("a")
  file:close()
  if not text then return nil, ("%s: %s"):format(path, reason) end
  return (text:gsub("^#[^\n]*", "")) -- a "#!" line keeps its newline, and the lines their numbers
end

--- The script as a function; it is not called.
---@param path string how the script was named
---@param file string where it is
---@return function|nil chunk
---@return string? message
function sources:script(path, file)
  local text, message, stamp = self:source_of("", file)
  if not text then return nil, message end
  self:record("", path, text, stamp)
  return load(text, "@" .. path, "t", self.globals)
end

-- The globals, with a note of what they were before what sees them so has set them.
local function noting(globals, before)
  return setmetatable({}, { __index = globals, __newindex = function(_, name, value)
    before[name] = before[name] or { globals[name] }
    globals[name] = value
  end })
end

--- Remembers what it has loaded so far: the function drops what has come after, and when it is `all` to go the globals
--- that were set by that, too; what runs may set others meanwhile.
---@return fun(all?: boolean)
function sources:mark()
  local shallow, before = require "luvisor.core.shallow", {}
  local loaded, by_name, count = shallow(self.loaded), shallow(self.by_name), #self.list
  self.noting = noting(self.globals, before)
  return function(all)
    self.loaded, self.by_name = loaded, by_name
    for i = #self.list, count + 1, -1 do self.list[i] = nil end
    for name, old in pairs(all and before or {}) do self.globals[name] = old[1] end
  end
end

--- Everything that was read so far, for a load of the same elsewhere or later.
---@return luvisor.Source[]
function sources:sources()
  return table.move(self.list, 1, #self.list, 1, {})
end

--- The texts of two generations are mostly the same: kept once.
---@param before luvisor.Generation
function sources:share(before)
  for _, source in ipairs(self.list) do
    local old = before.by_name[source.name]
    if old and old.text == source.text then source.text = old.text end
  end
end

--- The globals that the generation's own code has set.
---@return table
function sources:own_globals()
  local own = {}
  for name, value in pairs(self.globals) do
    if self.builtin[name] ~= value then own[name] = value end
  end
  return own
end

return sources
