-- Client, status: `luvisor status`.

local client = require "luvisor.edge.client"
local json = require "host.json"

local status = {}

local SPARE = { brief = true, usage = true }

--- Prints the tree, or the named units.
---@param operands string[]
---@param options table
---@return integer|nil
function status.call(operands, options)
  collectgarbage "stop" -- it is over before there is much
  local wide = options.wide or options.json or false
  local is_tree = #operands == 0
  local params = {
    units = json.array(operands), all = options.all or nil, usage = wide or nil, brief = not wide or nil,
  }
  return client.connect(options, function(self)
    local overview
    self:ask("status", params, function(result)
      client.quit(overview.print(result, is_tree, params.brief, options))
    end, nil, SPARE)
    overview = require "luvisor.edge.client.overview" -- while the host describes its units
  end)
end

return status
