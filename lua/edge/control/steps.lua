-- Steps: what a reload or a live edit did, or would do, as the control socket says it.

local check = require "luvisor.core.check"
local json = require "host.json"
local plans = require "luvisor.core.plan"
local readiness = require "luvisor.core.lazy" "luvisor.machine.readiness"
local rota = require "luvisor.edge.control.rota"
local rpc = require "luvisor.edge.control.rpc"

local steps = {}

local PORTION = 50  -- steps that are worded in one go
local PATIENCE = 30 -- seconds for what was started, unless the client says otherwise

local function list(items)
  return items[1] and items or json.array {}
end

local function describe(step)
  return { action = step.action, path = step.path, kind = step.kind, keys = list(step.keys), line = plans.line(step) }
end

-- The next so many steps as JSON, or nil after the last.
local function next_portion(result, at)
  local all, texts = result.plan.steps, {}
  for i = at, math.min(at + PORTION - 1, #all) do texts[#texts + 1] = assert(json.encode(describe(all[i]))) end
  return texts[1] and table.concat(texts, ",")
end

-- A long list is worded a portion at a time.
local function send(reply, applied, client, result)
  local head = '{"applied":%s,"failures":%s,"steps":['
  local pieces, at = { head:format(applied, assert(json.encode(list(result.failures)))) }, 1
  rota.put(client, function()
    local text = next_portion(result, at)
    if text and at > 1 then text = "," .. text end
    pieces[#pieces + 1], at = text or "]}", at + PORTION
    if not text then reply(rpc.raw(pieces)) end
    return not text
  end, reply)
end

--- What reply(...) is to be called with what a reload, or a plan of one, replies.
---@param reply function of a method
---@param client luvisor.Connection
---@return fun(result: table|nil, message: string|nil, code: string|nil)
function steps.plan(reply, client)
  return function(result, message, code)
    if not result then return reply(nil, message, code) end
    send(reply, false, client, result)
  end
end

--- The same once it is known what has become of all that was started, unless the client does not want to wait for it.
---@param reply function
---@param client luvisor.Connection
---@param context table
---@param params { wait?: boolean, patience?: number }
---@return fun(result: table|nil, message: string|nil, code: string|nil)
function steps.answer(reply, client, context, params)
  return function(result, message, code)
    if not result then return reply(nil, message, code) end
    if params.wait == false then return send(reply, true, client, result) end
    readiness.wait(context.tree, result.started or {}, params.patience or PATIENCE, function(failures)
      local before = result.failures -- others may have asked for the same
      table.move(before, 1, #before, #failures + 1, failures)
      send(reply, true, client, { plan = result.plan, failures = failures })
    end)
  end
end

--- What the methods that answer so take besides their own: whether to wait for what was started, and how long.
---@param params table
---@return table params
function steps.with_waiting(params)
  params.wait, params.patience = check.boolean, check.seconds
  return params
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
