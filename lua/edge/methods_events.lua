-- Methods, events: what happens to units, as it happens, as notifications.

local check = require "luvisor.core.check"
local handle = require "luvisor.machine.handle"
local happening = require "luvisor.edge.happening"
local json = require "host.json"
local names = require "luvisor.edge.names"
local script = require "luvisor.edge.script"
local selection = require "luvisor.machine.selection"

local methods = {}

local function listener(client, wanted)
  return function(event)
    local unit = event.handle and handle.unit(event.handle)
    if wanted and not wanted(event.unit, unit and unit.spec.tags) then return end
    client:notify("event", happening.plain(event))
  end
end

local function all_but_beats()
  local list = {}
  for _, kind in ipairs(script.kinds) do
    if kind ~= "heartbeat" then list[#list + 1] = kind end
  end
  return list
end

methods.events = {
  summary = "from now on, notifications `event` of what happens to units: all of it, or some kinds, or some units",
  params = { units = names.list, kinds = check.list("kinds of events", check.one_of(script.kinds)) },
  call = function(context, params, reply, client)
    local kinds = params.kinds and params.kinds[1] and params.kinds or all_but_beats()
    local wanted = params.units and params.units[1] and selection.matcher(params.units)
    local fn = listener(client, wanted)
    for _, kind in ipairs(kinds) do
      client.on_close[#client.on_close + 1] = context.tree.env.subscribe(kind, fn)
    end
    reply { kinds = json.array(kinds) }
  end,
}

return methods
