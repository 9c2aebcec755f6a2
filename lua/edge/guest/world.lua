-- World: the env of what runs in a guest: what goes beyond it goes to the host.

local env = require "luvisor.edge.env"

local world = {}

--- The env of what a guest will be told to run, see world.tell.
---@param parts string module, see edge/env.lua
---@return table
function world.new(parts)
  local logs, made = {}, nil
  made = env.new {
    enabled = logs, parts = parts,
    write = function(level, who, format, ...)
      if not logs[level] then return end
      local message = select("#", ...) > 0 and format:format(...) or format
      made.guest.parent:send { "log", level, type(who) == "string" and who or who:path(), message }
    end,
  }
  return made
end

--- It is told; `world.guest` is the state of the guest.
---@param made table
---@param self luvisor.GuestState
---@param told table see luvisor.edge.guests
---@param settings table
---@param source table
function world.tell(made, self, told, settings, source)
  made.guest, made.told, made.settings, made.source = self, told, settings, source
  for level in pairs(told.logs) do made.logs[level] = true end
  self.world = made
end

return world
