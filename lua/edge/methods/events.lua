-- Methods, events: what happens to units, as it happens, as notifications.

local check = require "luvisor.core.check"
local handle = require "luvisor.machine.handle"
local happening = require "luvisor.edge.happening"
local json = require "host.json"
local names = require "luvisor.edge.control.names"
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

local function subscribe(env, kinds, fn)
  local ends = {}
  for i, kind in ipairs(kinds) do ends[i] = env.subscribe(kind, fn) end
  return function()
    for _, unsubscribe in ipairs(ends) do unsubscribe() end
  end
end

methods.events = {
  summary = "from now on, notifications `event` of what happens to units: all of it, or some kinds, or some units",
  params = { units = names.list, kinds = check.list("kinds of events", check.one_of(script.kinds)) },
  call = function(context, params, reply, client)
    local kinds = params.kinds and params.kinds[1] and params.kinds or all_but_beats()
    local wanted = params.units and params.units[1] and selection.matcher(params.units)
    local fn = listener(client, wanted)
    local ok, message, code = client:subscribe(function() return subscribe(context.tree.env, kinds, fn) end)
    if not ok then return reply(nil, message, code) end
    local _, missing = selection.find(context.tree, params.units or {})
    reply { kinds = json.array(kinds), missing = missing }
  end,
}

return methods
