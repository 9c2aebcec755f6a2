-- Steps: what a reload or a live edit did, or would do, as the control socket says it.

local json = require "host.json"
local plans = require "luvisor.core.plan"

local steps = {}

local function list(items)
  return items[1] and items or json.array {}
end

local function describe(step)
  return { action = step.action, path = step.path, kind = step.kind, keys = list(step.keys), line = plans.line(step) }
end

--- What reply(...) is to be called with what a reload replies.
---@param reply function of a method
---@param applied boolean
---@return fun(result: table|nil, message: string|nil, code: string|nil)
function steps.answer(reply, applied)
  return function(result, message, code)
    if not result then return reply(nil, message, code) end
    local lines = {}
    for i, step in ipairs(result.plan.steps) do lines[i] = describe(step) end
    reply { applied = applied, steps = list(lines), failures = list(result.failures) }
  end
end

--- An answer for people.
---@param result table
---@return string
function steps.text(result)
  local lines = {}
  for i, step in ipairs(result.steps) do lines[i] = step.line end
  if not lines[1] then lines[1] = "nothing has changed" end
  for _, one in ipairs(result.failures) do lines[#lines + 1] = ("%s: %s"):format(one.path, one.message) end
  return table.concat(lines, "\n") .. "\n"
end

--- Who asks, as it appears in the log and in `why`.
---@param what string
---@param client luvisor.Connection
---@return string
function steps.cause(what, client)
  return ("%s by uid %d"):format(what, client.uid)
end

return steps
