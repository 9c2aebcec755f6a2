-- Function probe: a Lua function of the script: true is a pass, and nil or false with a message is none.

local errand = require "luvisor.edge.errand"

local probe_fn = {}

--- Begins; done(ok, message) is called from the loop.
---@param program table the unit
---@param probe table
---@param done fun(ok: boolean, message: string|nil)
---@return function cancel
function probe_fn.start(program, _, probe, done)
  return errand.start(program, "probe", probe.fn, nil, function(ran, result, message)
    if not ran then return done(false, tostring(result)) end
    done(result and true or false, message or "returned " .. tostring(result))
  end)
end

return probe_fn
