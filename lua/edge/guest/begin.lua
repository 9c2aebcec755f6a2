-- Begin: what a guest begins with, whatever it runs.

local codec = require "host.codec"
local native = require "host.guest"
local running = require "luvisor.edge.running"
local runtime = require "host.runtime"

local begin = {}

--- Has refused what the code of users may not do here, if that is not done yet.
---@param place "thread"|"process"
function begin.confine(place)
  if running.place then return end
  running.place = place
  native.confine(place)
end

--- A worker that never gives way is cut short, or the guest would hear nothing of its host.
---@param self luvisor.GuestState
---@param settings table
function begin.watch(self, settings)
  local ok, message = runtime.watch(settings.slice, settings.stall, settings.kill)
  if not ok then self.parent:send { "log", "error", "luvisor", "no watchdog: " .. message } end
end

--- What a letter may hold is known before anybody here has one; of handles and exits, only that.
---@param world table
function begin.teach(world)
  local function handle_of(path) return world.codec and require("luvisor.machine.handle").at(world, path) end
  codec.define(1, {}, tostring, handle_of, true)
  codec.define(2, {}, tostring, function(fields) return require("luvisor.core.exit").of_fields(fields) end)
end

--- Makes a table the parent of the guest's unit, in place of the supervisor that it has in the host.
---@param parent table
---@param self luvisor.GuestState
---@param told table
---@param say_ready fun(self: luvisor.GuestState)
---@return table parent
function begin.be_parent(parent, self, told, say_ready)
  parent.spec, parent.name = told.parent and {} or nil, told.parent
  function parent.child_ready() say_ready(self) end
  function parent.child_ended(_, _, why) require("luvisor.edge.guest.finish").finish(self, why) end
  parent.child_stopped = parent.child_ended
  return parent
end

return begin
