-- Methods, reload: changing the tree by its script, and going back.

local check = require "luvisor.core.check"
local json = require "host.json"
local plans = require "luvisor.core.plan"
local reload = require "luvisor.edge.reload"

local methods = {}

local function list(items)
  return items[1] and items or json.array {}
end

local function describe(step)
  return { action = step.action, path = step.path, kind = step.kind, keys = list(step.keys), line = plans.line(step) }
end

local function answer(reply, applied)
  return function(result, message, code)
    if not result then return reply(nil, message, code) end
    local steps = {}
    for i, step in ipairs(result.plan.steps) do steps[i] = describe(step) end
    reply { applied = applied, steps = list(steps), failures = list(result.failures) }
  end
end

methods.plan = {
  summary = "what a reload would change now",
  call = function(_, _, reply) reload.plan(answer(reply, false)) end,
}

methods.reload = {
  summary = "load the script again and apply what has changed",
  params = { dry_run = check.boolean },
  call = function(_, params, reply)
    if params.dry_run then return reload.plan(answer(reply, false)) end
    reload.apply(answer(reply, true))
  end,
}

methods.rollback = {
  summary = "go back to what ran before the last reload that changed something",
  call = function(_, _, reply) reload.rollback(answer(reply, true)) end,
}

return methods
