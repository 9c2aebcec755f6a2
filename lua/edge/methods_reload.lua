-- Methods, reload: changing the tree by its script, and going back.

local check = require "luvisor.core.check"
local reload = require "luvisor.edge.reload"
local steps = require "luvisor.edge.steps"

local methods = {}

methods.plan = {
  summary = "what a reload would change now",
  call = function(_, _, reply) reload.plan(steps.answer(reply, false)) end,
}

methods.reload = {
  summary = "load the script again and apply what has changed",
  params = { dry_run = check.boolean },
  call = function(_, params, reply, client)
    if params.dry_run then return reload.plan(steps.answer(reply, false)) end
    reload.apply(steps.cause("reload", client), steps.answer(reply, true))
  end,
}

methods.rollback = {
  summary = "go back to what ran before the last reload that changed something",
  call = function(_, _, reply, client)
    reload.rollback(steps.cause("rollback", client), steps.answer(reply, true))
  end,
}

return methods
