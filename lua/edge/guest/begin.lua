-- Begin: what a guest begins with, whatever it runs.

local codec = require "host.codec"
local generations = require "luvisor.edge.load.generation"
local load = require "luvisor.edge.guest.load"
local runtime = require "host.runtime"
local worlds = require "luvisor.edge.guest.world"

local begin = {}

-- A worker that never gives way is cut short, or the guest would hear nothing of its host.
local function watch(self, settings)
  local ok, message = runtime.watch(settings.slice, settings.stall, settings.kill)
  if not ok then self.parent:send { "log", "error", "luvisor", "no watchdog: " .. message } end
end

-- What a letter may hold is known before anybody here has one; of handles and exits, only that.
local function teach(world)
  local function handle_of(path) return world.codec and require("luvisor.machine.handle").at(world, path) end
  codec.define(1, {}, tostring, handle_of, true)
  codec.define(2, {}, tostring, function(fields) return require("luvisor.core.exit").of_fields(fields) end)
end

--- Loads the unit, and makes its world; nil where the guest has ended instead.
---@param self luvisor.GuestState
---@param told table
---@param is_lone? boolean whether it is a single worker, told as plain values
---@return table|nil world
---@return table? spec
function begin.prepare(self, told, is_lone)
  watch(self, told.settings)
  generations.use(generations.new(told.source.files, is_lone))
  local spec, settings = load[is_lone and "worker" or "unit"](told, generations.current())
  if not spec then return require("luvisor.edge.guest.finish").finish(self, { kind = "error", message = settings }) end
  if settings ~= told.settings then runtime.watch(settings.slice, settings.stall, settings.kill) end
  local world = worlds.new(self, told, is_lone and "luvisor.edge.guest.lone_parts" or "luvisor.edge.guest.parts")
  world.settings = settings
  teach(world)
  return world, spec
end

--- Makes a table the parent of the guest's unit, in place of the supervisor that it has in the host.
---@param parent table
---@param self luvisor.GuestState
---@param told table
---@return table parent
function begin.be_parent(parent, self, told)
  parent.spec, parent.name = told.parent and {} or nil, told.parent
  function parent.child_ready()
    self.flush(self)
    self.parent:send({ "ready" }, true)
  end
  function parent.child_ended(_, _, why) require("luvisor.edge.guest.finish").finish(self, why) end
  parent.child_stopped = parent.child_ended
  return parent
end

return begin
