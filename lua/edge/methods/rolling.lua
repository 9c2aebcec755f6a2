-- Methods, rolling: the instances of counted programs restarted one after the other.

local check = require "luvisor.core.check"
local json = require "host.json"
local names = require "luvisor.edge.control.names"
local rolling = require "luvisor.machine.supervisor.rolling"
local selection = require "luvisor.machine.selection"
local steps = require "luvisor.edge.control.steps"

local methods = {}

-- What the units belong to: each supervisor and name once. One that has no count is a family of its own.
local function families_of(units)
  local list, seen = {}, {}
  for _, unit in ipairs(units) do
    local counted = unit.parent.spec and unit.parent.spec.counted
    local family = tostring(unit.name):match "^(.*):%d+$"
    local name = counted and counted[family] and family or unit.name
    local path = unit.parent.spec and unit.parent:path() .. "/" .. tostring(name) or unit:path()
    if not seen[path] then
      seen[path] = true
      list[#list + 1] = { path = path, name = name, supervisor = unit.parent }
    end
  end
  return list
end

local function run(family, cause, reply, tell)
  local supervisor = family.supervisor
  if not supervisor.spec then return reply(nil, "is the root", "ROOT") end
  if supervisor.forward then return supervisor:forward(supervisor, "rolling_restart", family.name, reply) end
  rolling.run(supervisor, family.name, reply, cause, tell)
end

methods.rolling = {
  summary = "restarts the instances of counted programs one after the other, each ready before the next",
  params = { units = names.list, progress = check.boolean }, required = { "units" },
  call = function(context, params, reply, client)
    local units, message, code = selection.find(context.tree, params.units)
    if not units then return reply(nil, message, code) end
    local families, cause = families_of(units), steps.cause("rolling restart", client)
    local left, result = #families, { ok = true, units = json.array() }
    local function tell(done, total, path)
      client:notify("progress", { done = done, total = total, outcome = { path = path, state = "restarted" } })
    end
    for i, family in ipairs(families) do
      run(family, cause, function(restarted, problem)
        result.ok = result.ok and restarted ~= nil
        result.units[i] = { path = family.path, ok = restarted ~= nil, restarted = restarted, message = problem }
        left = left - 1
        if left == 0 then reply(result) end
      end, params.progress and tell)
    end
  end,
}

return methods
