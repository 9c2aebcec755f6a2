-- Client, why: `luvisor why`.

local client = require "luvisor.edge.client"
local json = require "host.json"
local system = require "host.system"
local why_text = require "luvisor.edge.why_text"

local why = {}

--- Prints the chain of each unit.
---@param operands string[]
---@param options table
---@return integer|nil
function why.call(operands, options)
  return client.connect(options, function(self)
    self:ask("why", { units = operands }, function(result)
      if options.json then
        system.put(1, assert(json.encode(result)) .. "\n")
        return client.quit(client.codes.DONE)
      end
      system.put(1, why_text.of(result))
      client.quit(client.codes.DONE)
    end)
  end)
end

return why
