-- Methods, edit: live edits of the tree, which last until the next reload.

local check = require "luvisor.core.check"
local copy = require "luvisor.core.copy"
local edit = require "luvisor.edge.edit"
local json = require "host.json"
local names = require "luvisor.edge.control.names"
local selection = require "luvisor.machine.selection"
local steps = require "luvisor.edge.control.steps"

local methods = {}

local MOST = 10000 -- instances of one program
local NO_REPL = "this host was started with --no-repl"

-- The one unit that is meant.
local function find_one(context, name, reply)
  local unit, message, code = context.tree:find(name)
  if not unit then return reply(nil, message, code) end
  return unit
end

local function any(value)
  if value == json.null then return check.expected("a value", nil) end
  return true, copy(value) -- without what marks a list as one
end

methods.add = {
  summary = "adds the units that a piece of Lua returns to a supervisor, the root if none is named",
  params = steps.with_waiting { text = check.text, path = check.text, under = names.one },
  required = { "text", "path" },
  call = function(context, params, reply, client)
    if not context.repl then return reply(nil, NO_REPL, "FORBIDDEN") end
    local under = params.under and find_one(context, params.under, reply) or not params.under and context.tree.root
    if not under then return end
    edit.add({ text = params.text, path = params.path, under = under, cause = steps.cause("add", client) },
      steps.answer(reply, client, context, params))
  end,
}

methods.remove = {
  summary = "stops units, and forgets them", params = { units = names.list }, required = { "units" },
  call = function(context, params, reply, client)
    local units, message, code = selection.find(context.tree, params.units)
    if not units then return reply(nil, message, code) end
    edit.remove({ units = selection.outermost(units), cause = steps.cause("remove", client) },
      steps.answer(reply, client, context, params))
  end,
}

local function family_of(unit)
  return tostring(unit.name):match "^(.*):%d+$"
end

-- "web", "front/web", "@web": where its supervisor is, and what it is called there.
local function counted_program(context, name, reply)
  local units, message, code = selection.find(context.tree, { name })
  if not units then return reply(nil, message, code) end
  local family, is_one = family_of(units[1]), name:find "[^/]*:%d+$"
  for _, unit in ipairs(units) do
    if unit.parent ~= units[1].parent or family_of(unit) ~= family then
      return reply(nil, name .. " is ambiguous", "AMBIGUOUS")
    end
  end
  if not family or is_one then return reply(nil, name .. " has no count", "UNSUPPORTED") end
  return units[1].parent:path(), family
end

methods.scale = {
  summary = "has a counted program run so many instances",
  params = steps.with_waiting { unit = names.one, count = check.integer(1, MOST) },
  required = { "unit", "count" },
  call = function(context, params, reply, client)
    local path, name = counted_program(context, params.unit, reply)
    if not path then return end
    edit.scale({ path = path, name = name, count = params.count, cause = steps.cause("scale", client) },
      steps.answer(reply, client, context, params))
  end,
}

methods.set = {
  summary = "gives a key of units another value, where that needs no restart",
  params = { unit = names.one, key = check.text, value = any }, required = { "unit", "key", "value" },
  call = function(context, params, reply, client)
    local units, message, code = selection.find(context.tree, { params.unit })
    if not units then return reply(nil, message, code) end
    local text = params.key == "restart" and type(params.value) == "string" and params.value:find "[(.]"
    if text and not context.repl then return reply(nil, NO_REPL, "FORBIDDEN") end
    edit.set({ units = units, key = params.key, value = params.value, text = text and true,
      cause = steps.cause("set", client) }, steps.answer(reply, client, context, params))
  end,
}

return methods
