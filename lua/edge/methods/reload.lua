-- Methods, reload: changing the tree by its script, and going back.

local check = require "luvisor.core.check"
local reload = require "luvisor.edge.reload"
local steps = require "luvisor.edge.control.steps"

local methods = {}

-- Tells a client that wants to know how far it is.
local function teller(params, client)
  if not params.progress then return nil end
  return function(done, total, path, state)
    client:notify("progress", { done = done, total = total, outcome = { path = path, state = state } })
  end
end

methods.plan = {
  summary = "what a reload would change now",
  call = function(_, _, reply, client) reload.plan(steps.plan(reply, client)) end,
}

methods.reload = {
  summary = "load the script again and apply what has changed",
  params = steps.with_waiting { dry_run = check.boolean, progress = check.boolean },
  call = function(context, params, reply, client)
    if params.dry_run then return reload.plan(steps.plan(reply, client)) end
    reload.apply(steps.cause("reload", client), steps.answer(reply, client, context, params), teller(params, client))
  end,
}

methods.rollback = {
  summary = "go back to what ran before the last reload that changed something",
  params = steps.with_waiting { progress = check.boolean },
  call = function(context, params, reply, client)
    reload.rollback(steps.cause("rollback", client), steps.answer(reply, client, context, params),
      teller(params, client))
  end,
}

return methods
