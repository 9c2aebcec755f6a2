-- World: the env of what runs in a guest: what goes beyond it goes to the host.

local env = require "luvisor.edge.env"

local world = {}

--- The env of what a guest was told to run; `world.guest` is the state of the guest.
---@param self luvisor.GuestState
---@param told table see luvisor.edge.guests
---@param parts string module, see edge/env.lua
---@return table
function world.new(self, told, parts)
  local made = env.new {
    enabled = told.logs, parts = parts,
    write = function(level, who, format, ...)
      if not told.logs[level] then return end
      local message = select("#", ...) > 0 and format:format(...) or format
      self.parent:send { "log", level, type(who) == "string" and who or who:path(), message }
    end,
  }
  made.guest, made.told, made.settings, made.source = self, told, told.settings, told.source
  self.world = made
  return made
end

return world
