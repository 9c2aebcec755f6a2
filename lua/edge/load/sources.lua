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

-- The same table, which functions have: with the fields that it had.
local function put_back(mine, before)
  for name in pairs(mine) do mine[name] = before[name] end
  for name, value in pairs(before) do mine[name] = value end
end

--- Remembers what it has loaded so far: the function drops what has come after, and when it is `all` to go the globals
--- that were set, too.
---@return fun(all?: boolean)
function sources:mark()
  local shallow = require "luvisor.core.shallow"
  local loaded, by_name, count, globals = shallow(self.loaded), shallow(self.by_name), #self.list, shallow(self.globals)
  return function(all)
    self.loaded, self.by_name = loaded, by_name
    for i = #self.list, count + 1, -1 do self.list[i] = nil end
    if all then put_back(self.globals, globals) end
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
