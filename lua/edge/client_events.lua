-- Client, events: `luvisor events`: what happens to units, a line each, until it is interrupted or the host ends.

local client = require "luvisor.edge.client"
local json = require "host.json"
local sheet = require "luvisor.edge.sheet"
local units = require "luvisor.core.units"

local events = {}

local COLOURS = { fatal = "red", give_up = "red", exit = "yellow", restart = "yellow", ready = "green" }

local details = {}

function details.transition(event)
  return ("%s -> %s (%s)"):format(event.from, event.to, event.event)
end

function details.restart(event)
  local why = event.exit and event.exit.text or ""
  return event.delay and ("%s, in %s"):format(why, units.text(event.delay)) or why
end

local function line_of(event)
  local special = details[event.kind]
  local detail = special and special(event) or event.exit and event.exit.text or event.state or ""
  local kind = sheet.paint(("%-10s"):format(event.kind), COLOURS[event.kind])
  return (("%s %s %s %s"):format(sheet.paint(event.time, "dim"), kind, event.unit, (detail:gsub("%c", " ")))
    :gsub("%s+$", ""))
end

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
      client.print((options.json and json.encode(event) or line_of(event)) .. "\n")
    end)
    self:on("dropped", function(params)
      if options.json then return client.print(json.encode { kind = "dropped", count = params.count } .. "\n") end
      client.complain(("%d events were dropped"):format(params.count))
    end)
    self:ask("events", { units = json.array(operands), kinds = kinds_of(options) }, function()
      self.leaving = function() client.quit(client.codes.DONE) end
    end)
  end)
end

return events
