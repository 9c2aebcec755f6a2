-- Happening: what happens to a unit, an event, as plain values and as a line for people: for `events`, and for the
-- history, which keeps it.

local handle = require "luvisor.machine.handle"
local inspect = require "luvisor.machine.inspect"
local log = require "luvisor.edge.log"
local sheet = require "luvisor.edge.sheet"
local units = require "luvisor.core.units"

local happening = {}

local SCALARS = { "generation", "from", "to", "event", "state", "restarts", "delay", "cause", "level", "text" }

--- An event as plain values.
---@param event table
---@return table
function happening.plain(event)
  local unit = event.handle and handle.unit(event.handle)
  local result = {
    kind = event.kind, unit = event.unit, time = log.stamp(0), exit = inspect.exit(event.exit),
    tags = event.tags or unit and unit.spec.tags,
  }
  for _, key in ipairs(SCALARS) do
    local value = event[key]
    if type(value) == "string" or type(value) == "number" then result[key] = value end
  end
  return result
end

-- ---- for people

local COLOURS = {
  fatal = "red", give_up = "red", exit = "yellow", restart = "yellow", ready = "green", command = "bold", host = "bold",
}

local details = {}

function details.transition(event)
  return ("%s -> %s (%s)"):format(event.from, event.to, event.event)
end

function details.restart(event)
  local why = event.exit and event.exit.text or ""
  return event.delay and ("%s, in %s"):format(why, units.text(event.delay)) or why
end

function details.log(event)
  return ("%s: %s"):format(event.level, event.text)
end

--- One line about what happening.plain() has made.
---@param event table
---@return string
function happening.line(event)
  local special = details[event.kind]
  local detail = special and special(event) or event.exit and event.exit.text or event.cause or event.state
    or event.text or ""
  local kind = sheet.paint(("%-10s"):format(event.kind), COLOURS[event.kind])
  return (("%s %s %s %s"):format(sheet.paint(event.time, "dim"), kind, event.unit, (detail:gsub("%c", " ")))
    :gsub("%s+$", ""))
end

return happening
