-- Client, events: `luvisor events`: what happens to units, a line each, until it is interrupted or the host ends.

local client = require "luvisor.edge.client"
local happening = require "luvisor.edge.happening"
local json = require "host.json"

local events = {}

local function kinds_of(options)
  local list = json.array()
  for kind in (options.kind or ""):gmatch "[^,]+" do list[#list + 1] = kind end
  return list
end

--- Prints events as they happen.
---@param operands string[]
---@param options table
---@return integer|nil
function events.call(operands, options)
  return client.connect(options, function(self)
    self:on("event", function(event)
      client.print((options.json and json.encode(event) or happening.line(event)) .. "\n")
    end)
    self:on("dropped", function(params)
      if options.json then return client.print(json.encode { kind = "dropped", count = params.count } .. "\n") end
      client.complain(("%d events were dropped"):format(params.count))
    end)
    self:ask("events", { units = json.array(operands), kinds = kinds_of(options) }, function(result)
      if result.missing then client.complain(result.missing .. " so far") end
      self.leaving = function() client.quit(client.codes.DONE) end
    end)
  end)
end

return events
