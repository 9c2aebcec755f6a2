-- Process: the main program of a guest in a process, `luvisor guest INPUT OUTPUT PULSE`: what a host starts for a unit
-- with a process of its own. Nothing for people.

local guest = require "luvisor.edge.guest"
local native = require "host.guest"
local wire = require "luvisor.edge.guest.wire"

local process = {}

local USAGE = 2

-- The wire over the descriptors that it was given; the host sees its turns in the pulse.
local function open(input, output, pulse)
  return function(on_frame, on_ended)
    if pulse then native.show(pulse) end
    local same = output == nil or output == input
    return wire.stream({ native.own(input), not same and native.own(output) or nil }, on_frame, on_ended)
  end
end

--- Runs until the unit has ended.
---@param arguments string[]
---@return integer|nil code
function process.main(arguments)
  local input = math.tointeger(tonumber(arguments[2]))
  if not input then
    require("host.system").put(2, "luvisor: guest: is what a host starts for its units\n")
    return USAGE
  end
  local output, pulse = math.tointeger(tonumber(arguments[3])), math.tointeger(tonumber(arguments[4]))
  return guest.main(open(input, output, pulse))
end

return process
