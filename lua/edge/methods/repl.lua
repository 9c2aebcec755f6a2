-- Methods, REPL: a session for each client that asks for one; what its code prints comes as notifications.

local check = require "luvisor.core.check"
local json = require "host.json"
local repl = require "luvisor.edge.repl"

local methods = {}

local sessions = setmetatable({}, { __mode = "k" }) -- by client

local function session_of(context, client, reply)
  if not context.repl then return reply(nil, "this host was started with --no-repl", "FORBIDDEN") end
  if not sessions[client] then
    local session = repl.session(context)
    sessions[client] = session
    client.on_close[#client.on_close + 1] = function() session:cancel() end
  end
  return sessions[client]
end

methods["repl.eval"] = {
  summary = "evaluates Lua in the host; what it prints, its values and errors come as repl.output { text }",
  params = { code = check.text },
  required = { "code" },
  call = function(context, params, reply, client)
    local session = session_of(context, client, reply)
    if not session then return end
    local function sink(text) client:notify("repl.output", { text = text }) end
    local ok, message, code = session:eval(params.code, sink, function(good) reply { ok = good } end)
    if not ok then reply(nil, message, code) end
  end,
}

methods["repl.complete"] = {
  summary = "what the end of a text may become, and how many bytes of it that replaces",
  params = { text = check.text },
  required = { "text" },
  call = function(context, params, reply, client)
    local session = session_of(context, client, reply)
    if not session then return end
    session:complete(params.text, function(candidates, replaced)
      reply { candidates = json.array(candidates), replaced = replaced }
    end)
  end,
}

methods["repl.cancel"] = {
  summary = "ends what the client's session evaluates",
  call = function(context, _, reply, client)
    local session = session_of(context, client, reply)
    if not session then return end
    session:cancel()
    reply(true)
  end,
}

return methods
