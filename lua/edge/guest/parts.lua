-- Parts: what the env of a guest has besides that of a host, each made when it is first asked for; see env/parts.lua.

local env_parts = require "luvisor.edge.env.parts"
local lazy = require "luvisor.core.lazy"
local loader = lazy "luvisor.edge.loader"
local post = lazy "luvisor.machine.message.post"

local parts = setmetatable({}, { __index = env_parts })

-- Carries letters; a worker that says and hears nothing has none.
function parts.office(world) return post.new(world, world.guest.parent) end

function parts.outside(world)
  return function(address)
    return {
      address = address,
      deliver = function(_, letter) return world.office:deliver(address, letter) end,
      route = function(_, target, timeout) world.office:route(target, address, timeout) end,
    }
  end
end

function parts.ask_host(world)
  local guest = world.guest
  return function(frame)
    guest.flush(guest) -- the host has to know who asks
    return guest.parent:send(frame, true)
  end
end

function parts.tell_result(world)
  return function(bytes) return world.guest.parent:send({ "result", bytes }, true) end
end

function parts.load_unit() return require("luvisor.edge.guest.load").anew end

function parts.adopt(world)
  return function(one, supervisor) return loader.adopt(one, supervisor.spec, world.settings) end
end

return parts
