-- Hook probe: a hook of the script's. Unlike a check it need not return anything: an error, false, or nil with a
-- message is a failure.

local errand = require "luvisor.edge.errand"

local probe_hook = {}

--- Begins; done(ok, message) is called from the loop.
---@param program table the unit
---@param hook table
---@param done fun(ok: boolean, message: string|nil)
---@return function cancel
function probe_hook.start(program, _, hook, done)
  return errand.start(program, "hook", hook.fn, hook.event, function(ran, result, message)
    if not ran then return done(false, tostring(result)) end
    if result == false or result == nil and message ~= nil then
      return done(false, message ~= nil and tostring(message) or "returned false")
    end
    done(true)
  end)
end

return probe_hook
