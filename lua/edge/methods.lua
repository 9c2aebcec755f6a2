-- Methods: what can be asked of a running host through its control socket; a flat table of names, nothing else can be
-- called. Each has a summary, the checks of its parameters, and call(context, params, reply, client).

local rpc = require "luvisor.edge.control.rpc"
local system = require "host.system"

local methods = { ["rpc.discover"] = rpc.discover }

methods.ping = {
  summary = "version and process of the host",
  call = function(context, _, reply)
    reply { version = system.version, pid = system.pid(), name = context.name, script = context.script }
  end,
}

for _, part in ipairs {
  "units", "commands", "rolling", "events", "logs", "history", "reload", "edit", "repl",
} do
  for name, method in pairs(require("luvisor.edge.methods." .. part)) do methods[name] = method end
end

return methods
