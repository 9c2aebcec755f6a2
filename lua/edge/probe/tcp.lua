-- TCP probe: whether somebody accepts a connection.

local connect = require "luvisor.edge.probe.connect"

local probe_tcp = {}

--- Begins; done(ok, message) may be called before this returns.
---@param probe table
---@param done fun(ok: boolean, message: string|nil)
---@return function cancel
function probe_tcp.start(_, _, probe, done)
  local close
  close = connect.open(probe, function(err)
    if close then close() end
    done(err == nil, err)
  end)
  return close
end

return probe_tcp
