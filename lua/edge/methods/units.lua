-- Methods, units: looking at them. A large tree is described in small portions, so that nobody waits for it.

local check = require "luvisor.core.check"
local explain = require "luvisor.machine.explain"
local inspect = require "luvisor.machine.inspect"
local json = require "host.json"
local log = require "luvisor.edge.log"
local names = require "luvisor.edge.control.names"
local orphans = require "host.orphans"
local rota = require "luvisor.edge.control.rota"
local rpc = require "luvisor.edge.control.rpc"
local runtime = require "host.runtime"
local selection = require "luvisor.machine.selection"
local usage = require "luvisor.edge.usage"
local uv = require "luv"

local methods = {}

local PORTION = 0.002  -- seconds of describing in one go
local EXPLAINED = 100  -- units that `why` explains
local POOL_SHOWN = 100 -- children of a pool that are listed unless all are asked for

-- ---- the order of description

-- The next unit: first those still on the stack's top level, depth first, in start order.
local function next_unit(walk)
  local top = walk[#walk]
  while top do
    top.at = top.at + 1
    local unit = top.units[top.at]
    if unit then return unit, top.path and top.path .. "/" .. tostring(unit.name) or unit:path(), top.depth end
    walk[#walk] = nil
    top = walk[#walk]
  end
end

local function first_of(list, most)
  if #list <= most then return list, 0 end
  return table.move(list, 1, most, 1, {}), #list - most
end

local function descend(walk, unit, path, depth, params)
  if not unit.children or unit.children.count == 0 or params.flat then return 0 end
  local children, omitted = unit.children:all(), 0
  if unit.spec.strategy == "simple_one_for_one" and not params.all then
    children, omitted = first_of(children, POOL_SHOWN)
  end
  walk[#walk + 1] = { units = children, at = 0, path = path, depth = depth + 1 }
  return omitted
end

local function describe(walk, unit, path, depth, params)
  local omitted = descend(walk, unit, path, depth, params)
  if omitted == 0 then omitted = nil end
  if params.brief then
    return inspect.row(unit, path, params.flat and path or tostring(unit.name), depth, omitted)
  end
  local about = inspect.unit(unit, path, walk.usage)
  about.depth, about.children, about.omitted = depth, unit.children and unit.children.count or nil, omitted
  return about
end

-- One piece of text of what can be described in one go; true with the last one.
local function describe_some(walk, params, pieces)
  local since, list = uv.hrtime(), {}
  repeat
    local unit, path, depth = next_unit(walk)
    if not unit then break end
    list[#list + 1] = describe(walk, unit, path, depth, params)
  until uv.hrtime() - since > PORTION * 1e9
  local text, over = assert(json.encode(json.array(list))):sub(2, -2), not walk[1]
  if walk.begun and text ~= "" then pieces[#pieces + 1] = "," end
  walk.begun = walk.begun or text ~= ""
  pieces[#pieces + 1] = text
  if over then pieces[#pieces + 1] = "]}" end
  return over
end

-- Processes that have left the session and dropped the mark of their unit, for which nobody can be told to answer.
local function escaped(params)
  return json.array(params.units and params.units[1] and {} or orphans.unmarked())
end

methods.status = {
  summary = "units with state, pid, uptime, restarts and why; all of the tree if none is named",
  params = { units = names.list, flat = check.boolean, all = check.boolean, usage = check.boolean,
    brief = check.boolean },
  call = function(context, params, reply, client)
    local units = { context.tree.root }
    if params.units and params.units[1] then
      local message, code
      units, message, code = selection.find(context.tree, params.units)
      if not units then return reply(nil, message, code) end
      params.flat = params.flat == nil or params.flat
    end
    local walk = { { units = units, at = 0, depth = 0 } }
    local function begin(of)
      walk.usage = of
      local pieces = { ('{"escaped":%s,"units":['):format(json.encode(escaped(params))) }
      rota.put(client, function()
        local over = describe_some(walk, params, pieces)
        if over then reply(rpc.raw(pieces)) end
        return over
      end, reply)
    end
    if params.usage then usage.survey(runtime.after, begin) else begin() end
  end,
}

methods.why = {
  summary = "what happened to units, each with its cause, and to those because of whom", required = { "units" },
  params = { units = names.list },
  call = function(context, params, reply)
    local units, message, code = selection.find(context.tree, params.units)
    if not units then return reply(nil, message, code) end
    local result = { now = log.stamp(0), units = json.array() }
    for i, unit in ipairs(units) do
      if i > EXPLAINED then break end
      result.units[i] = explain.unit(unit)
    end
    reply(result)
  end,
}

return methods
