-- Client, why: `luvisor why`.

local client = require "luvisor.edge.client"
local json = require "host.json"
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
        client.print(assert(json.encode(result)) .. "\n")
        return client.quit(client.codes.DONE)
      end
      client.print(why_text.of(result))
      client.quit(client.codes.DONE)
    end)
  end)
end

return why
