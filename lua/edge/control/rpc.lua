-- Rpc: JSON-RPC 2.0 over connections: finds the method of a request in a flat table, checks its parameters, and sends
-- what it replies, now or later, once. A request without id gets no reply. One that says how long its client waits
-- (`timeout`) is answered before that.

local account = require "host.account"
local check = require "luvisor.core.check"
local json = require "host.json"
local suggest = require "luvisor.core.suggest"

local rpc = {}

rpc.codes = {
  PARSE = -32700, INVALID_REQUEST = -32600, NO_METHOD = -32601, INVALID_PARAMS = -32602, INTERNAL = -32603,
  FAILED = -32000, FORBIDDEN = -32001,
}

local codes = rpc.codes
local LONGEST_WAIT = 86400
local PENDING = 256 -- requests of one client that are not answered yet

local INSIDE = { uid = account.own(), on_close = {} } -- the host as its own client

local Raw = {}

--- A result that is JSON text already, in pieces.
---@param pieces string[]
function rpc.raw(pieces)
  return setmetatable({ pieces = pieces }, Raw)
end

--- How long before its client stops waiting a request that says so is answered, at the latest.
---@param timeout number
---@return number seconds
function rpc.answer_within(timeout)
  return math.max(timeout - 0.2, timeout * 0.8)
end

-- ---- replies

local function send_error(client, id, code, message, data)
  client:send { id = id, error = { code = code, message = message, data = data } }
end

local function send_result(client, id, result)
  if getmetatable(result) == Raw then
    local head = ('{"jsonrpc":"2.0","id":%s,"result":'):format(json.encode(id))
    return client:put(head, result.pieces, "}")
  end
  if result == nil then result = json.null end
  local text, message = json.encode { jsonrpc = "2.0", id = id, result = result }
  if text then return client:put(text) end
  send_error(client, id, codes.INTERNAL, message)
end

-- reply(result) or reply(nil, message, CODE): once, whatever becomes of the client meanwhile
local function replier(client, id)
  local done
  client.unanswered = (client.unanswered or 0) + 1
  return function(result, message, code)
    if done then return end
    done = true
    client.unanswered = client.unanswered - 1
    if id == nil or client.closed then return end
    if result == nil and message then
      return send_error(client, id, codes[code] or codes.FAILED, message, code and { code = code })
    end
    send_result(client, id, result)
  end
end

-- ---- requests

local function is_id(id)
  return id == nil or type(id) == "string" or type(id) == "number" or id == json.null
end

local function read(line)
  local request, message = json.decode(line)
  if request == nil then return nil, codes.PARSE, message end
  if type(request) ~= "table" or request[1] ~= nil or request.jsonrpc ~= "2.0" or type(request.method) ~= "string"
    or not is_id(request.id) then
    return nil, codes.INVALID_REQUEST, 'expected {"jsonrpc": "2.0", "id": ..., "method": ..., "params": {...}} a line'
  end
  if request.params == json.null then request.params = nil end
  if request.params ~= nil and type(request.params) ~= "table" then
    return nil, codes.INVALID_PARAMS, "params: expected an object", request.id
  end
  return request
end

local function timeout_check(value)
  if type(value) == "number" and value > 0 and value <= LONGEST_WAIT then return true, value end
  return check.expected("seconds > 0", value)
end

-- The parameters by name; null is as good as nothing.
local function check_params(method, given)
  local params = {}
  for key, value in pairs(given or {}) do
    if value ~= json.null then
      local one = method.params and method.params[key] or key == "timeout" and timeout_check
      if not one then return nil, tostring(key) .. ": unknown parameter" end
      local ok, normal, below = one(value)
      if not ok then return nil, ("%s%s: %s"):format(key, below or "", normal) end
      params[key] = normal
    end
  end
  for _, key in ipairs(method.required or {}) do
    local value = params[key]
    if value == nil or type(value) == "table" and next(value) == nil then return nil, key .. ": missing" end
  end
  return params
end

local function no_method(methods, name)
  return ('unknown method "%s"%s'):format(name:sub(1, 100), suggest.hint(name:sub(1, 100), check.keys(methods)))
end

local function call(context, client, method, params, reply)
  local ok, message = xpcall(method.call, debug.traceback, context, params, reply, client)
  if ok then return end
  context.log("error", "control", "%s", message)
  reply(nil, "internal error, see the log of the host", "INTERNAL")
end

--- Serves one line of a client.
---@param context table what the methods work on, with `methods` and `log`
---@param client luvisor.Connection
---@param line string
function rpc.serve(context, client, line)
  local request, code, message, id = read(line)
  if not request then return send_error(client, id or json.null, code, message) end
  local method = rawget(context.methods, request.method)
  if not method then
    if request.id == nil then return end
    return send_error(client, request.id, codes.NO_METHOD, no_method(context.methods, request.method))
  end
  local params, problem = check_params(method, request.params)
  if not params then
    if request.id == nil then return end
    return send_error(client, request.id, codes.INVALID_PARAMS, problem)
  end
  if (client.unanswered or 0) >= PENDING then
    return send_error(client, request.id or json.null, codes.FAILED, "too many requests are waiting for their answer")
  end
  call(context, client, method, params, replier(client, request.id))
end

--- Calls a method from within the host: reply(result) or reply(nil, message, CODE).
---@param context table
---@param name string
---@param params table
---@param reply fun(result: any, message?: string, code?: string)
function rpc.invoke(context, name, params, reply)
  local method = rawget(context.methods, name)
  if not method then return reply(nil, no_method(context.methods, name), "NO_METHOD") end
  local checked, problem = check_params(method, params)
  if not checked then return reply(nil, problem, "INVALID_PARAMS") end
  call(context, INSIDE, method, checked, function(result, ...)
    if getmetatable(result) == Raw then result = json.decode(table.concat(result.pieces)) end
    reply(result, ...)
  end)
end

-- ---- discovery

local function describe(name, method)
  local names = { timeout = true } -- which all take
  for key in pairs(method.params or {}) do names[key] = true end
  local params = json.array(check.keys(names))
  return { name = name, summary = method.summary, params = params, required = json.array(method.required) }
end

--- The method that lists the methods.
rpc.discover = {
  summary = "lists the methods",
  call = function(context, _, reply)
    local list = json.array()
    for _, name in ipairs(check.keys(context.methods)) do
      list[#list + 1] = describe(name, context.methods[name])
    end
    reply { methods = list }
  end,
}

return rpc
